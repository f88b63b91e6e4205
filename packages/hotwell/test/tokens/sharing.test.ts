import { fingerprint, parseRef, providerFailure, tokenKey } from 'hotwell'
import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { OuterStore } from './outer-store.ts'
import { after, apiOf, closeSoon, failureOfCall, now, scene, Upstream } from './scene.ts'

const second = 1000
const minute = 60 * second

/** Two processes, as far as the token manager can tell: two managers on one store. */
function two(given: Parameters<typeof scene>[0] = {}) {
  const one = scene({ preheat: false, ...given })
  const { clock, store, upstream } = one
  const other = scene({ preheat: false, clock, store, upstream, node: 'two', ...given })
  return { clock, store, upstream, one: one.tokens, two: other.tokens, records: [one.records, other.records] as const }
}

describe('two processes that share a store', () => {
  test('a thousand callers each, one request upstream', async () => {
    const { clock, upstream, one, two: other } = two()
    const callers = [one, other].flatMap(tokens =>
      Array.from({ length: 1000 }, () => tokens.token('api/tenant/acme').get()),
    )
    const values = await after(clock, 200, Promise.all(callers))
    expect(new Set(values)).toEqual(new Set(['token-1-of-acme']))
    expect(upstream.calls).toBe(1)
  })

  test('make one acquisition per renewal, however long they run', async () => {
    const { clock, upstream, one, two: other } = two({ preheat: 'standard' })
    upstream.lifeSeconds = 600
    const handles = [one.token('api/app'), other.token('api/app')]
    await after(clock, 200, Promise.all(handles.map(handle => handle.get())))
    for (let i = 0; i < 120; i++) {
      for (const handle of handles) expect(handle.peek()).toBeDefined()
      await clock.advance(30 * second)
    }
    // An hour of tokens that are renewed after 450 to 465 s.
    expect(upstream.calls).toBeGreaterThanOrEqual(7)
    expect(upstream.calls).toBeLessThanOrEqual(9)
    expect(handles[0]!.peek()).toBe(handles[1]!.peek())
  })

  test('the one that waits hears of a success the moment it happens', async () => {
    const { clock, upstream, one, two: other } = two()
    upstream.latencyMs = 3000
    const first = one.token('api/app').get()
    await clock.advance(10)
    const second_ = other.token('api/app').get()
    await clock.advance(2980)
    expect(await now(second_)).toBe('pending')
    await clock.advance(10)
    expect(await now(second_)).toBe(await first)
    expect((await other.token('api/app').getDetails()).from).toBe('store')
  })

  test('the one that waits hears of a failure, and asks no sooner than the other would', async () => {
    const { clock, upstream, one, two: other } = two()
    upstream.failure = new Error('no')
    const first = one
      .token('api/app')
      .get()
      .catch(error => error)
    await clock.advance(10)
    const error = await failureOfCall(after(clock, 5000, other.token('api/app').get()))
    expect((await first).code).toBe('provider_error')
    expect(error).toMatchObject({ code: 'provider_error' })
  })

  test('a remembered failure lasts as long in the other process as in the first, not longer', async () => {
    const { clock, upstream, one, two: other } = two()
    upstream.answer = () => {
      throw providerFailure({ disposition: 'terminal', message: 'no such app' })
    }
    await failureOfCall(after(clock, 200, one.token('api/app').get()))
    await clock.advance(50 * second)
    const error = await failureOfCall(other.token('api/app').get())
    expect(error.retryAfterMs).toBeLessThanOrEqual(10 * second)
    upstream.answer = undefined
    await clock.advance(11 * second)
    expect(await after(clock, 200, other.token('api/app').get())).toBe('token-1-of-app')
    expect(upstream.calls).toBe(2)
  })

  test('an explicit refresh is not satisfied by a token that was there before it', async () => {
    const { clock, upstream, one, two: other } = two()
    await after(clock, 200, one.token('api/app').get())
    await clock.advance(minute)
    expect((await after(clock, 200, other.token('api/app').refresh())).value).toBe('token-2-of-app')
    await clock.advance(1)
    expect(one.token('api/app').peek()).toBe('token-2-of-app')
    expect(upstream.calls).toBe(2)
  })

  test('a process that dies with the claim holds the others up for seconds, not for ever', async () => {
    const clock = new FakeClock()
    const store = memory({ clock })
    const upstream = new Upstream()
    const { provider, tokens } = scene({ preheat: false, clock, store, upstream })
    const key = tokenKey('hotwell', provider, parseRef('api/app'))
    await store.claim(key, { holder: 'dead', ttlMs: 5000, seenGeneration: 0 })
    const value = tokens.token('api/app').get()
    await clock.advance(4900)
    expect(upstream.calls).toBe(0)
    expect(await after(clock, 300, value)).toBe('token-1-of-app')
  })

  test('a claim is extended while its holder is slow and alive', async () => {
    const { clock, upstream, one, two: other } = two()
    upstream.latencyMs = 60 * second
    const both = [one.token('api/app').get(), other.token('api/app').get()]
    await after(clock, 61 * second, Promise.all(both))
    expect(upstream.calls).toBe(1)
  })

  test('generations only grow, for both readers, and people see renewals', async () => {
    const { clock, one, two: other } = two()
    const seen: number[] = []
    for (let i = 0; i < 6; i++) {
      const handle = (i % 2 ? one : other).token('api/app')
      await after(clock, 200, handle.refresh())
      seen.push((await handle.getDetails()).generation)
      if (i === 3) clock.jumpWall(-3_600_000)
    }
    expect([...seen].sort((a, b) => a - b)).toEqual(seen)
    expect(new Set(seen).size).toBe(6)
    expect(other.token('api/app').inspect().renewals).toBeLessThanOrEqual(5)
    expect(one.token('api/app').inspect().renewals).toBe(5)
  })

  test('a store that lost all it had is not refused for ever', async () => {
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const { tokens, upstream } = scene({ preheat: false, clock, store })
    const app = tokens.token('api/app')
    await after(clock, 200, app.get())
    const { generation } = await app.getDetails()
    store.inner = memory({ clock })
    expect((await after(clock, 200, app.refresh())).generation).toBeGreaterThan(generation)
    const restarted = scene({ preheat: false, clock, store: store.inner, upstream, node: 'three' })
    expect(await after(clock, 200, restarted.tokens.token('api/app').get())).toBe('token-2-of-app')
  })
})

describe('identity', () => {
  test('the token of a changed app id is absent, is not overwritten, and comes back with the former id', async () => {
    const { clock, store, upstream, tokens } = scene({ preheat: false, provider: { identity: 'app-1' } })
    const app = tokens.token('api/app')
    const first = await after(clock, 200, app.get())
    const use = (identity: string) =>
      tokens.reconfigure({ providers: { api: apiOf(upstream, { identity }) }, preheat: false })
    use('app-2')
    expect(app.peek()).toBeUndefined()
    expect(await after(clock, 200, app.get())).toBe('token-2-of-app')
    use('app-1')
    expect(await after(clock, 200, app.get())).toBe(first)
    expect(upstream.calls).toBe(2)
    const restarted = scene({ preheat: false, clock, store, upstream, provider: { identity: 'app-2' }, node: 'two' })
    expect(await after(clock, 200, restarted.tokens.token('api/app').get())).toBe('token-2-of-app')
    expect(upstream.calls).toBe(2)
  })

  test('after a change of identity what other processes store is still taken over', async () => {
    const { clock, store, upstream, tokens } = scene({ preheat: false, provider: { identity: 'app-1' } })
    await after(clock, 200, tokens.token('api/app').get())
    const provider = { identity: 'app-2' }
    tokens.reconfigure({ providers: { api: apiOf(upstream, provider) }, preheat: false })
    await after(clock, 200, tokens.token('api/app').get())
    const other = scene({ preheat: false, clock, store, upstream, provider, node: 'two' })
    await after(clock, 200, other.tokens.token('api/app').refresh())
    expect(tokens.token('api/app').peek()).toBe('token-3-of-app')
  })

  test('two namespaces in one store do not see each other', async () => {
    const { clock, store, upstream, tokens } = scene({ preheat: false })
    await after(clock, 200, tokens.token('api/app').get())
    const other = scene({ preheat: false, clock, store, upstream, namespace: 'other' })
    expect(await after(clock, 200, other.tokens.token('api/app').get())).toBe('token-2-of-app')
  })

  test('two managers that share nothing do not notice each other', async () => {
    const [one, other] = [scene({ preheat: false }), scene({ preheat: false })]
    await after(one.clock, 200, one.tokens.token('api/app').get())
    expect(other.tokens.list()).toEqual([])
    expect(await after(other.clock, 200, other.tokens.token('api/app').get())).toBe('token-1-of-app')
    expect(other.upstream.calls).toBe(1)
  })

  test('a changed secret keeps tokens', async () => {
    const { clock, upstream, tokens } = scene({ preheat: false, provider: { credentialVersion: 'a' } })
    const value = await after(clock, 200, tokens.token('api/app').get())
    tokens.reconfigure({ providers: { api: apiOf(upstream, { credentialVersion: 'b' }) }, preheat: false })
    expect(tokens.token('api/app').peek()).toBe(value)
  })
})

describe('a rotating refresh token', () => {
  /** A provider whose grant is good for one acquisition, and revokes everything when it is used again. */
  function rotating() {
    const upstream = new Upstream()
    let grant = 'grant-0'
    let count = 0
    upstream.answer = request => {
      const given = request.previous?.grant?.value
      if (given !== undefined && given !== grant) throw new Error(`used again: ${given}`)
      grant = `grant-${++count}`
      return { ...upstream.issue(request), grant: { value: grant } }
    }
    return { upstream, provider: { rotation: {} }, grant: () => grant }
  }

  test('is announced before it is spent, and its successor is stored before anybody gets the token', async () => {
    const { upstream, provider } = rotating()
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const { tokens } = scene({ preheat: false, clock, store, upstream, provider })
    const user = tokens.token('api/user/zhang')
    await after(clock, 200, user.get())
    store.done.length = 0
    const spent = upstream.requests.length
    await after(
      clock,
      200,
      user.refresh().then(() => store.done.push('served')),
    )
    expect(upstream.requests.length).toBe(spent + 1)
    expect(store.done.filter(step => ['intend', 'commit', 'served'].includes(step))).toEqual([
      'intend',
      'commit',
      'served',
    ])
    expect(upstream.last.previous?.grant?.value).toBe('grant-1')
  })

  test('is not sent a second time when it is not known what became of it', async () => {
    for (const failure of [
      new Error('socket hang up'),
      Object.assign(new Error('fetch failed'), { code: 'ECONNRESET' }),
    ]) {
      const { upstream, provider } = rotating()
      const { clock, tokens } = scene({ preheat: false, upstream, provider })
      const user = tokens.token('api/user/zhang')
      await after(clock, 200, user.get())
      await clock.advance(3 * 3600 * second)
      upstream.failure = failure
      expect(await after(clock, 20 * second, failureOfCall(user.get()))).toMatchObject({ code: 'uncertain' })
      expect(upstream.calls).toBe(2)
      upstream.failure = undefined
      await clock.advance(10 * minute)
      expect(await after(clock, 20 * second, failureOfCall(user.get()))).toMatchObject({ code: 'uncertain' })
      expect(await after(clock, 20 * second, failureOfCall(user.refresh()))).toMatchObject({ code: 'uncertain' })
      expect(upstream.calls).toBe(2)
      expect(user.inspect().state).toBe('uncertain')
    }
  })

  test('an unreadable answer is as uncertain as none', async () => {
    const { upstream, provider } = rotating()
    const { clock, tokens } = scene({ preheat: false, upstream, provider })
    const user = tokens.token('api/user/zhang')
    await after(clock, 200, user.get())
    upstream.answer = () => ({ value: '', expiresInSeconds: 5 })
    await after(clock, 20 * second, failureOfCall(user.refresh()))
    expect(upstream.calls).toBe(2)
    await after(clock, 20 * second, failureOfCall(user.refresh()))
    expect(upstream.calls).toBe(2)
  })

  test('is tried again when the request was certainly not sent', async () => {
    const { upstream, provider } = rotating()
    const { clock, tokens } = scene({ preheat: false, upstream, provider })
    const user = tokens.token('api/user/zhang')
    await after(clock, 200, user.get())
    upstream.failure = Object.assign(new TypeError('fetch failed'), { code: 'ECONNREFUSED' })
    await after(clock, 20 * second, failureOfCall(user.refresh()))
    expect(upstream.calls).toBe(4)
    upstream.failure = undefined
    expect((await after(clock, 20 * second, user.refresh())).value).toBe('token-2-of-zhang')
  })

  test('closing between two attempts that were certainly not sent leaves nothing uncertain', async () => {
    const { upstream, provider } = rotating()
    const clock = new FakeClock()
    const store = memory({ clock })
    store.close = async () => {}
    const { tokens } = scene({ preheat: false, clock, store, upstream, provider })
    await after(clock, 200, tokens.token('api/user/zhang').get())
    upstream.latencyMs = 9900
    upstream.failure = Object.assign(new TypeError('fetch failed'), { code: 'ECONNREFUSED' })
    tokens
      .token('api/user/zhang')
      .refresh()
      .catch(() => {})
    await clock.advance(10)
    await closeSoon(tokens, clock)
    expect(upstream.calls).toBe(2)
    upstream.failure = undefined
    const restarted = scene({ preheat: false, clock, store, upstream, provider })
    await clock.advance(60 * second)
    const renewed = await after(clock, 20 * second, restarted.tokens.token('api/user/zhang').refresh())
    expect(renewed.value).toBe('token-2-of-zhang')
  })

  test('whose claim has lapsed is claimed again soon, and counts for no refusal of the provider', async () => {
    const { upstream, provider } = rotating()
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const { tokens, records } = scene({ preheat: false, clock, store, upstream, provider })
    const user = tokens.token('api/user/zhang')
    await after(clock, 200, user.get())
    const { intend } = store
    store.intend = async () => false
    await clock.advance(7200 * second)
    expect(await after(clock, second, failureOfCall(user.get()))).toMatchObject({ code: 'conflict', retryable: true })
    expect(records.at(-1)?.attempts).toBe(0)
    store.intend = intend
    await clock.advance(2 * second)
    expect(await after(clock, 10 * second, user.get())).toBe('token-2-of-zhang')
  })

  test('an intent that somebody left unresolved is not spent, within what the provider tolerates it is', async () => {
    for (const replaySafeSeconds of [0, 3600]) {
      const { upstream } = rotating()
      const provider = { rotation: { replaySafeSeconds } }
      const made = scene({ preheat: false, upstream, provider })
      const { clock, store, tokens } = made
      const user = tokens.token('api/user/zhang')
      await after(clock, 200, user.get())
      const key = tokenKey('hotwell', made.provider, parseRef('api/user/zhang'))
      const { generation } = await user.getDetails()
      const claimed = await store.claim(key, { holder: 'killed', ttlMs: 5000, seenGeneration: generation })
      if (claimed.status !== 'claimed') throw new Error(claimed.status)
      await store.intend(claimed.claim, fingerprint('grant-1'))
      await clock.advance(6 * second)
      const renewed = after(clock, 20 * second, user.refresh())
      if (replaySafeSeconds === 0) await expect(renewed).rejects.toMatchObject({ code: 'uncertain' })
      else expect((await renewed).value).toBe('token-2-of-zhang')
    }
  })
})
