import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { type AuthorizedFetchOptions, createAuthorizedFetch } from '../../src/tokens/authorized-fetch.ts'
import type { Provider } from '../../src/tokens/provider.ts'
import { json, type LocalUpstream, startLocalUpstream } from '../providers/local-upstream.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function upstream(respond: LocalUpstream['respond']): Promise<LocalUpstream> {
  const server = await startLocalUpstream(respond)
  cleanups.push(() => server.close())
  return server
}

interface Setting {
  provider?: Partial<Provider>
  /** The tokens that the manager has, one after the other; the last one stays. */
  tokens?: string[]
  ageMs?: number
  reject?: AuthorizedFetchOptions['reject']
  fetch?: typeof fetch
}

/** An API whose good tokens are told, and the fetch for it. */
async function api(respond: LocalUpstream['respond'], setting: Setting = {}) {
  const server = await upstream(respond)
  const { tokens = ['old', 'new'], ageMs = 60_000 } = setting
  const rejected: string[] = []
  const clock = new FakeClock()
  const authorized = createAuthorizedFetch({
    provider: {
      identity: 'test',
      kinds: ['app'],
      acquire: async () => never(),
      baseUrls: [server.url],
      ...setting.provider,
    },
    getToken: async () => ({ value: tokens[Math.min(rejected.length, tokens.length - 1)]!, ageMs }),
    reject: async value => {
      rejected.push(value)
      return setting.reject ? setting.reject(value) : 'renewed'
    },
    fetch: setting.fetch,
    clock,
  })
  const sent = () => server.seen.map(({ headers }) => headers.authorization?.replace('Bearer ', ''))
  return { server, fetch: authorized, rejected, clock, sent }
}

function never(): never {
  throw new Error('the provider is not asked here')
}

/** Accepts one token and answers with what it got. */
const accepts =
  (good: string): LocalUpstream['respond'] =>
  ({ headers, method, path, body }) =>
    headers.authorization === `Bearer ${good}` ? json({ method, path, body }) : json({ error: 'token' }, 401)

const byCode: Partial<Provider> = {
  rejects: ({ body }) => (body as { code?: number } | undefined)?.code === 99991663,
}

describe('where a token may go', () => {
  test('paths are resolved on the first base URL, as URLs are', async () => {
    const { server, fetch } = await api(accepts('old'))
    const based = createAuthorizedFetch({
      provider: { identity: 't', kinds: ['app'], acquire: async () => never(), baseUrls: [`${server.url}/v1`] },
      getToken: async () => ({ value: 'old', ageMs: 60_000 }),
      reject: async () => 'same',
      clock: new FakeClock(),
    })
    await fetch('/a?b=c')
    await based('users')
    await based('/users')
    await based(new URL(`${server.url}/absolute`))
    expect(server.seen.map(({ path }) => path)).toEqual(['/a?b=c', '/v1/users', '/users', '/absolute'])
  })

  test('other hosts are refused, however they are spelt, before a token is fetched', async () => {
    const { server, fetch, sent } = await api(accepts('old'))
    const strangers = [
      'https://evil.example.com/',
      '//evil.example.com/x',
      '\\\\evil.example.com/x',
      'http://127.0.0.1:1/',
      `https://127.0.0.1:${server.port}/`,
      `http://localhost:${server.port}/`,
      `http://me:pw@127.0.0.1:${server.port}/`,
      'data:text/plain,x',
      new URL('https://evil.example.com'),
      new Request('https://evil.example.com'),
    ]
    for (const address of strangers) {
      await expect(fetch(address), String(address)).rejects.toMatchObject({ code: 'invalid_request' })
    }
    expect(sent()).toEqual([])
  })

  test('a provider without base URLs sends its tokens nowhere', async () => {
    const { fetch } = await api(accepts('old'), { provider: { baseUrls: undefined } })
    await expect(fetch('/')).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('redirects on the same host are followed with the token, to another host they are refused', async () => {
    const other = await upstream(() => json({}))
    const { fetch, sent } = await api(({ path }) => {
      if (path === '/start') return { status: 302, headers: { location: '/end' }, body: '' }
      if (path === '/away') return { status: 307, headers: { location: `${other.url}/steal` }, body: '' }
      return json({ path })
    })
    expect(await (await fetch('/start')).json()).toEqual({ path: '/end' })
    expect(sent()).toEqual(['old', 'old'])
    await expect(fetch('/away')).rejects.toMatchObject({ code: 'invalid_request' })
    expect(other.seen).toEqual([])
  })

  test('five redirects and no more; 303 turns a POST into a GET, 307 sends the body again', async () => {
    const { server, fetch } = await api(({ path, method, body }) => {
      const [, status, left] = path.split('/')
      if (left === '0' || left === undefined) return json({ method, body })
      return { status: Number(status), headers: { location: `/${status}/${Number(left) - 1}` }, body: '' }
    })
    expect(await (await fetch('/307/5', { method: 'POST', body: 'b' })).json()).toEqual({ method: 'POST', body: 'b' })
    expect(await (await fetch('/303/2', { method: 'POST', body: 'b' })).json()).toEqual({ method: 'GET', body: '' })
    expect(server.seen.at(-1)!.headers['content-type']).toBeUndefined()
    await expect(fetch('/302/6')).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await fetch('/302/1', { redirect: 'manual' })).status).toBe(302)
    await expect(fetch('/302/1', { redirect: 'error' })).rejects.toThrow(TypeError)
  })

  test('attach cannot lead it away, and cannot make redirects be followed unseen', async () => {
    const other = await upstream(() => json({}))
    const moved = await api(accepts('old'), { provider: { attach: () => new Request(other.url) } })
    await expect(moved.fetch('/')).rejects.toMatchObject({ code: 'invalid_request' })
    const followed = await api(() => ({ status: 302, headers: { location: other.url }, body: '' }), {
      provider: { attach: (request, token) => new Request(`${request.url}?t=${token}`) },
    })
    await expect(followed.fetch('/')).rejects.toMatchObject({ code: 'invalid_request' })
    expect(other.seen).toEqual([])
  })
})

describe('a rejected token', () => {
  test('is rejected once and the request sent again with the new one', async () => {
    const { fetch, rejected, sent } = await api(accepts('new'))
    const reply = await fetch('/things', { method: 'POST', body: 'kept' })
    expect(await reply.json()).toEqual({ method: 'POST', path: '/things', body: 'kept' })
    expect(sent()).toEqual(['old', 'new'])
    expect(rejected).toEqual(['old'])
  })

  test('is sent again once, not more: the second reply is the caller\u2019s', async () => {
    const { fetch, rejected, sent } = await api(accepts('other'))
    expect((await fetch('/')).status).toBe(401)
    expect(sent()).toEqual(['old', 'new'])
    expect(rejected).toEqual(['old'])
  })

  test('a good token is sent once', async () => {
    const { fetch, rejected, sent } = await api(accepts('old'))
    await fetch('/')
    expect(sent()).toEqual(['old'])
    expect(rejected).toEqual([])
  })

  test('nothing is sent again when the manager has no other token', async () => {
    const same = await api(accepts('new'), { reject: async () => 'same' })
    expect((await same.fetch('/')).status).toBe(401)
    const equal = await api(accepts('new'), { tokens: ['old'] })
    expect(await (await equal.fetch('/')).json()).toEqual({ error: 'token' })
    expect([same.sent(), equal.sent()]).toEqual([['old'], ['old']])
  })

  test('a renewal that fails is what the caller hears', async () => {
    const failure = new Error('credentials_rejected')
    const { fetch } = await api(accepts('new'), {
      reject: async () => {
        throw failure
      },
    })
    await expect(fetch('/')).rejects.toBe(failure)
  })

  test('is found in a JSON body with any status, which the caller still gets unread', async () => {
    for (const status of [200, 400]) {
      const { fetch, sent } = await api(
        ({ headers }) =>
          headers.authorization === 'Bearer new' ? json({ code: 0 }) : json({ code: 99991663 }, status),
        { provider: byCode },
      )
      expect(await (await fetch('/')).json()).toEqual({ code: 0 })
      expect(sent()).toEqual(['old', 'new'])
    }
    const { fetch } = await api(() => json({ code: 99991663 }, 400), { provider: byCode })
    expect(await (await fetch('/')).json()).toEqual({ code: 99991663 })
  })

  test('is not looked for beyond 64 kB or in what is not JSON', async () => {
    const padding = 'x'.repeat(70_000)
    const bodies = [
      json({ code: 99991663, padding }),
      { headers: { 'content-type': 'text/plain' }, body: '{"code":99991663}' },
      { headers: { 'content-type': 'application/json' }, body: '{"code":99991663' },
    ]
    for (const body of bodies) {
      const { fetch, sent } = await api(() => body, { provider: byCode })
      expect(await (await fetch('/')).text()).toBe(body.body)
      expect(sent()).toEqual(['old'])
    }
  })

  test('bodies that can be sent twice are, streams are not', async () => {
    const form = new FormData()
    form.set('a', 'b')
    const ready = ['text', new TextEncoder().encode('bytes'), new URLSearchParams({ a: 'b' }), new Blob(['blob']), form]
    for (const body of ready) {
      const { fetch, server } = await api(accepts('new'))
      expect((await fetch('/', { method: 'POST', body })).status).toBe(200)
      expect(server.seen[0]!.body.length).toBeGreaterThan(2)
      // A form has a new boundary each time.
      expect(server.seen[1]!.body.length).toBe(server.seen[0]!.body.length)
      expect(server.seen[1]!.headers['content-length']).toBe(server.seen[0]!.headers['content-length'])
    }
    const streams = [() => ReadableStream.from([Buffer.from('stream')]), () => generated()]
    for (const make of streams) {
      const { fetch, sent, rejected, server } = await api(accepts('new'))
      const init = { method: 'POST', body: make(), duplex: 'half' } as RequestInit
      expect((await fetch('/', init)).status).toBe(401)
      expect(server.seen[0]!.body).toBe('stream')
      expect(sent()).toEqual(['old'])
      expect(rejected, 'the next call has a better token').toEqual(['old'])
    }
  })

  test('a ready-made Request is sent again with its method, headers and body', async () => {
    const { fetch, server } = await api(accepts('new'))
    const request = new Request(`${server.url}/things`, {
      method: 'PUT',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json', 'x-mine': 'kept' },
    })
    expect(await (await fetch(request)).json()).toEqual({ method: 'PUT', path: '/things', body: '{"a":1}' })
    for (const { headers } of server.seen) {
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-mine': 'kept', 'content-length': '7' })
    }
    expect(server.seen).toHaveLength(2)
  })

  test('a ready-made Request with a live stream is sent as the stream comes, once', async () => {
    const { fetch, server } = await api(accepts('new'))
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const request = new Request(`${server.url}/`, { method: 'POST', body: readable, duplex: 'half' } as RequestInit)
    const reply = fetch(request)
    const writer = writable.getWriter()
    for (const part of ['a', 'b', 'c']) {
      await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
      await writer.write(Buffer.from(part))
    }
    await writer.close()
    expect((await reply).status).toBe(401)
    expect(server.seen.map(({ body }) => body)).toEqual(['abc'])
  })
})

describe('a token that is younger than two seconds', () => {
  test('is tried again itself, after a pause, before it counts as rejected', async () => {
    let calls = 0
    const { fetch, rejected, sent, clock } = await api(
      request => (++calls === 1 ? json({}, 401) : accepts('old')(request, undefined as never)),
      { ageMs: 1999 },
    )
    const reply = fetch('/')
    while (clock.pending === 0) await new Promise(resolve => setImmediate(resolve))
    await clock.advance(200)
    expect((await reply).status).toBe(200)
    expect(sent()).toEqual(['old', 'old'])
    expect(rejected).toEqual([])
  })

  test('counts as rejected after that', async () => {
    const { fetch, rejected, sent, clock } = await api(accepts('new'), { ageMs: 0 })
    const reply = fetch('/')
    while (clock.pending === 0) await new Promise(resolve => setImmediate(resolve))
    await clock.advance(200)
    expect((await reply).status).toBe(200)
    expect(sent()).toEqual(['old', 'old', 'new'])
    expect(rejected).toEqual(['old'])
  })

  test('is given the benefit of the doubt when the body cannot be sent again', async () => {
    const { fetch, rejected, sent } = await api(accepts('new'), { ageMs: 0 })
    const init = { method: 'POST', body: ReadableStream.from([Buffer.from('x')]), duplex: 'half' } as RequestInit
    expect((await fetch('/', init)).status).toBe(401)
    expect([sent(), rejected]).toEqual([['old'], []])
  })
})

describe('what the caller gets', () => {
  test('a large streaming JSON body begins to flow before it has ended, and comes whole', async () => {
    const rest = Promise.withResolvers<void>()
    const size = 100_000
    const { fetch } = await api(
      async (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write(`"${'x'.repeat(size)}`)
        await rest.promise
        response.end(`${'y'.repeat(size)}"`)
        return undefined
      },
      { provider: byCode },
    )
    const reply = await fetch('/')
    const reader = reply.body!.getReader()
    let text = Buffer.from((await reader.read()).value!).toString()
    expect(text.startsWith('"x')).toBe(true)
    rest.resolve()
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value)
    expect(text).toBe(`"${'x'.repeat(size)}${'y'.repeat(size)}"`)
  })

  test('a reply that is cut off fails where it is read, as always', async () => {
    const { fetch } = await api(() => 'cut', { provider: byCode })
    const reply = await fetch('/')
    expect(reply.status).toBe(200)
    await expect(reply.text()).rejects.toThrow(TypeError)
  })

  test('an abort of one\u2019s own comes through with its reason, also in the middle', async () => {
    const { fetch, server } = await api(() => 'hang')
    const reason = new Error('mine')
    await expect(fetch('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const reply = fetch('/', { signal: controller.signal }).catch(error => error)
    while (server.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
    controller.abort(reason)
    expect(await reply).toBe(reason)
  })

  test('a network failure is what fetch throws, less the token in its address', async () => {
    const inQuery: Partial<Provider> = {
      attach: (request, token) => new Request(`${request.url}?access_token=${encodeURIComponent(token)}`, request),
    }
    const token = 'token/with+odd=characters'
    const careless: typeof fetch = async input => {
      throw Object.assign(new Error(`request to ${(input as Request).url} failed`), { code: 'ECONNRESET' })
    }
    const { fetch } = await api(accepts('x'), { provider: inQuery, tokens: [token], fetch: careless })
    const error = await fetch('/').catch(cause => cause)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ECONNRESET')
    const shown = inspect(error, { depth: 9 })
    expect(shown).not.toContain(token)
    expect(shown).not.toContain(encodeURIComponent(token))
    const gone = await upstream(() => undefined)
    await gone.close()
    const plain = await api(accepts('x'), { provider: { baseUrls: [gone.url] } })
    await expect(plain.fetch('/')).rejects.toThrow('fetch failed')
  })

  test('a token that no header can carry is not quoted by the failure', async () => {
    const { fetch } = await api(accepts('x'), { tokens: ['secret-\u4e2d\u6587-token'] })
    const error = await fetch('/').catch(cause => cause)
    expect(error.code).toBe('provider_error')
    expect(inspect(error, { depth: 9 })).not.toContain('\u4e2d')
  })
})

async function* generated() {
  yield Buffer.from('stream')
}
