import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import type { SourcePage, SyncFilter } from '../../../src/sync/index.ts'
import { type HttpSourceOptions, http } from '../../../src/sync/sources/http.ts'
import type { HttpPaging } from '../../../src/sync/sources/http-paging.ts'
import { sourceContract } from '../../../src/testing/sync-source-contract.ts'
import { PagedApi } from './paged-api.ts'
import { sampleElements, sampleRecords, sampleRelations } from './sample-records.ts'

const pagings: Record<string, HttpPaging> = {
  cursor: { kind: 'cursor', parameter: 'after', next: 'data.next' },
  tokens: { kind: 'page-token', parameter: 'page_token', next: 'data.token', hasMore: 'data.hasMore' },
  offset: { kind: 'offset', parameter: 'offset', total: 'total' },
  pages: { kind: 'page', parameter: 'page' },
  links: { kind: 'link' },
  all: { kind: 'none' },
}

const relationItems = sampleRelations.map((relation, id) => ({ id: String(id), ...relation }))
const relationOf = (item: unknown) => {
  const { from, type, to } = item as Record<string, unknown>
  return { from, type, to }
}

for (const [path, paging] of Object.entries(pagings)) {
  const hasIds = path === 'pages' || path === 'all'
  sourceContract(test, `http by ${path}`, {
    make: async () => {
      const api = await PagedApi.start(sampleElements.map(element => ({ ...element })))
      api.relations = relationItems
      const open = () =>
        http({
          url: `${api.url}/${path}?key=hidden-in-query`,
          headers: { 'x-key': 'hidden-in-header' },
          paging,
          items: 'data.items',
          pageSize: { parameter: 'limit', most: 3 },
          order: path === 'cursor' ? 'id-bytes' : 'none',
          relations: { url: `${api.url}/relations/${path}`, record: relationOf },
          get: hasIds ? { url: `${api.url}/items?ids={ids}` } : { url: `${api.url}/items/{id}`, item: 'item' },
        })
      const secrets = ['hidden-in-query', 'hidden-in-header']
      return { source: open(), reopen: open, records: sampleRecords, secrets, close: () => api.close() }
    },
  })
}

let api: PagedApi
afterEach(() => api?.close())

const numbered = (count: number) => Array.from({ length: count }, (_, id) => ({ id: `e${1000 + id}`, type: 'pump' }))

function source(path: keyof typeof pagings, more: Partial<HttpSourceOptions> = {}) {
  return http({ url: `${api.url}/${path}`, paging: pagings[path]!, items: 'data.items', ...more })
}

async function read(from: ReturnType<typeof http>, after?: string, filter: SyncFilter = {}): Promise<SourcePage[]> {
  const { signal } = new AbortController()
  const pages: SourcePage[] = []
  for await (const page of from.read({ after, filter, pageRecords: 4, pageBytes: 2 ** 20, signal })) pages.push(page)
  return pages
}

const ids = (pages: readonly SourcePage[]) =>
  pages.flatMap(({ records }) => records.map(record => (record as { id: string }).id))

test('what passes is told as such, with the wait that was asked for; the rest is final', async () => {
  api = await PagedApi.start(numbered(3))
  const from = source('offset')
  const answers: [number, Record<string, string>, object][] = [
    [429, { 'retry-after': '7' }, { retryable: true, retryAfterMs: 7000 }],
    [429, { 'x-ogw-ratelimit-reset': '3' }, { retryable: true, retryAfterMs: 3000 }],
    [503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, { retryable: true }],
    [500, {}, { retryable: true, retryAfterMs: undefined }],
    [504, {}, { retryable: true }],
    [401, {}, { retryable: false, details: { status: 401 } }],
    [403, {}, { retryable: false }],
    [404, {}, { retryable: false }],
  ]
  for (const [status, headers, expected] of answers) {
    api.answer = () => ({ status, headers, body: { error: 'token=secret' } })
    const error = await read(from).catch(error => error)
    expect(error, String(status)).toMatchObject({ code: 'source_failed', ...expected })
    if (status === 503) expect(error.retryAfterMs).toBeGreaterThan(50_000)
  }
  for (const body of [
    '<html>',
    '{"data":{"items":',
    '{"data":{}}',
    '{"data":{"items":null}}',
    '{"data":{"items":{}}}',
    '',
  ]) {
    api.answer = () => ({ body })
    await expect(read(from), body).rejects.toMatchObject({ code: 'source_failed', retryable: true })
  }
  api.answer = () => ({ cut: true })
  await expect(read(from)).rejects.toMatchObject({ code: 'source_failed', retryable: true })
  api.answer = () => undefined
  expect(ids(await read(from))).toHaveLength(3)
})

test('no query, header or body shows in an error', async () => {
  api = await PagedApi.start()
  const options = { url: `${api.url}/offset?key=top-secret`, headers: { authorization: 'Bearer top-secret' } }
  for (const reply of [{ status: 403, body: 'top-secret' }, { body: 'top-secret' }, { cut: true }, { status: 500 }]) {
    api.answer = () => reply
    const error = await read(source('offset', options)).catch(error => error)
    expect(error.code).toBe('source_failed')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('top-secret')
  }
  const away = source('offset', { url: 'http://127.0.0.1:1/x?key=top-secret' })
  const error = await read(away).catch(error => error)
  expect(error).toMatchObject({ code: 'source_failed', retryable: true })
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('top-secret')
})

test('redirects and links stay on their origin', async () => {
  api = await PagedApi.start(numbered(6))
  const other = await PagedApi.start(numbered(6))
  try {
    api.answer = (path, query) =>
      path === '/old' ? { status: 307, headers: { location: `/offset?${query}` } } : undefined
    expect(ids(await read(source('offset', { url: `${api.url}/old` })))).toHaveLength(6)
    api.answer = () => ({ status: 302, headers: { location: `${other.url}/offset` } })
    await expect(read(source('offset'))).rejects.toMatchObject({ code: 'source_failed', retryable: false })
    api.answer = () => ({ status: 302, headers: { location: '/offset' } })
    await expect(read(source('offset'))).rejects.toThrow('redirects more than 5 times')
    const link = `<${other.url}/links?from=4>; rel="next"`
    api.answer = () => ({ body: { data: { items: numbered(4) } }, headers: { link } })
    await expect(read(source('links'))).rejects.toThrow('points to another origin')
    expect(other.requests).toEqual([])
  } finally {
    await other.close()
  }
})

test('a reply that is too large, or takes too long, is not taken', async () => {
  api = await PagedApi.start()
  api.answer = () => ({ body: { data: { items: [{ id: 'a', text: 'x'.repeat(100_000) }] } } })
  const small = source('offset', { maxReplyMegabytes: 0.05 })
  await expect(read(small)).rejects.toMatchObject({ code: 'source_failed', retryable: false })
  const held = Promise.withResolvers<void>()
  const waiting: typeof fetch = async (_, init) => {
    init!.signal!.addEventListener('abort', () => held.reject(init!.signal!.reason))
    return held.promise as never
  }
  const slow = source('offset', { fetch: waiting, timeoutSeconds: 0.02 })
  await expect(read(slow)).rejects.toThrow('did not answer within 0.02 s')
})

test('an API that goes round in a circle, or gives its last page for ever, is not read for ever', async () => {
  api = await PagedApi.start(numbered(9))
  const rounds: Record<string, string> = { '': 'a', a: 'b', b: 'c', c: 'd', d: 'b' }
  api.answer = (_, query) => ({ body: { data: { items: numbered(2), next: rounds[query.get('after') ?? ''] } } })
  await expect(read(source('cursor'))).rejects.toThrow('leads back to a page')
  expect(api.requests.length).toBeLessThan(20)
  api.answer = () => ({ body: { data: { items: numbered(4) } } })
  await expect(read(source('pages'))).rejects.toThrow('Say where its last page is told')
})

test('a cursor that has expired begins anew; a first page that is refused does not', async () => {
  api = await PagedApi.start(numbered(12))
  const from = source('tokens')
  const [first] = await read(from)
  api.generation++
  await expect(read(from, first!.position)).rejects.toMatchObject({ code: 'position_lost' })
  const own = source('tokens', { expired: ({ body }) => (body as { error?: string }).error === 'something else' })
  await expect(read(own, first!.position)).rejects.toMatchObject({ code: 'source_failed', retryable: false })
  api.answer = () => ({ status: 400 })
  await expect(read(from)).rejects.toMatchObject({ code: 'source_failed' })
})

test('a position of another paging is lost, also where the source is named by hand', async () => {
  api = await PagedApi.start(numbered(12))
  const byOffset = source('offset', { identity: 'crm' })
  const byCursor = source('cursor', { identity: 'crm' })
  const [one] = await read(byOffset)
  const [other] = await read(byCursor)
  await expect(read(byCursor, one!.position)).rejects.toMatchObject({ code: 'position_lost' })
  await expect(read(byOffset, other!.position)).rejects.toMatchObject({ code: 'position_lost' })
  const longer = source('all', { relations: { url: `${api.url}/all` } })
  await expect(read(longer, '{"list":0}'), 'relations are still to come').rejects.toMatchObject({
    code: 'position_lost',
  })
})

test('a filter becomes parameters; the size of pages does', async () => {
  api = await PagedApi.start(numbered(9))
  const from = source('offset', {
    pageSize: { parameter: 'limit', most: 3 },
    filterParameters: ({ modifiedFromAt, types }) => ({ since: modifiedFromAt, kind: types?.join(',') }),
  })
  await read(from, undefined, { modifiedFromAt: 5, types: ['pump', 'valve'] })
  expect(api.requests[0]).toBe('/offset?limit=3&since=5&kind=pump%2Cvalve&offset=0')
  expect(api.requests).toHaveLength(3)
})

test('the next page is asked for while the one before it is worked on, and not more', async () => {
  api = await PagedApi.start(numbered(40))
  const { signal } = new AbortController()
  for await (const page of source('offset').read({ filter: {}, pageRecords: 4, pageBytes: 2 ** 20, signal })) {
    expect(page.records).toHaveLength(4)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(api.requests).toHaveLength(2)
    break
  }
})

test('an item may be an element with its relations, or nothing; one that its mapping throws at costs itself', async () => {
  api = await PagedApi.start([{ id: 'a', to: 'b' }, { id: 'b' }, { id: 'c', broken: true }, { id: 'd', skip: true }])
  const record = (item: unknown) => {
    const { id, to, broken, skip } = item as Record<string, unknown>
    if (broken) throw new Error('no idea')
    if (skip) return undefined
    return to ? [{ id }, { from: id, type: 'feeds', to }] : { id }
  }
  const [page] = await read(source('all', { record }))
  expect(page!.records).toEqual([{ id: 'a' }, { from: 'a', type: 'feeds', to: 'b' }, { id: 'b' }])
  expect(page!.unreadable).toMatchObject([{ place: 'item c', reason: 'record() failed: no idea' }])
})

test('an answer that says nothing of an element is no answer', async () => {
  api = await PagedApi.start(numbered(3))
  const { signal } = new AbortController()
  const get = (url: string, ids: string[]) => source('all', { get: { url, item: 'item' } }).get!(ids, { signal })
  const one = `${api.url}/items/{id}`
  for (const reply of [{ status: 403 }, { status: 500 }, { body: {} }, { body: '<html>' }, { body: { item: null } }]) {
    api.answer = () => reply
    await expect(get(one, ['e1000'])).rejects.toMatchObject({ code: 'source_failed' })
  }
  api.answer = () => ({ body: { data: {} } })
  await expect(get(`${api.url}/items?ids={ids}`, ['e1000'])).rejects.toMatchObject({ code: 'source_failed' })
  api.answer = () => undefined
  await expect(get(one, ['..'])).rejects.toThrow('cannot name the id')
  await expect(get(`${api.url}/items?ids={ids}`, ['a,b'])).rejects.toThrow('cannot name the id')
})

test('asking for many gets on although some requests always fail', async () => {
  api = await PagedApi.start(numbered(60))
  const { signal } = new AbortController()
  const from = source('all', { get: { url: `${api.url}/items/{id}`, item: 'item' } })
  let asked = 0
  api.answer = () => (++asked % 10 === 0 ? { status: 500 } : undefined)
  const ids = [...numbered(60).map(({ id }) => id), 'gone']
  for (let calls = 1; ; calls++) {
    const found = await from.get!(ids, { signal }).catch((error: { code: string }) => error.code)
    if (found === 'source_failed') continue
    expect(found).toHaveLength(60)
    expect(calls).toBeGreaterThan(3)
    break
  }
  expect(asked, 'what was answered is not asked again').toBeLessThan(80)
})

test('mistakes are named', async () => {
  api = await PagedApi.start()
  expect(() => source('all', { get: { url: `${api.url}/items` } })).toThrow('{id} or {ids}')
  const made = (url: string) => () => source('all', { url })
  expect(made('http://user:secret@host/x')).toThrow('holds a user or a password')
  expect(made('ftp://host/x')).toThrow('over http: or https:')
  expect(made('http://')).toThrow('is a URL')
  expect(source('all').identity).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/all [\w-]{22}$/)
  expect(source('all', { identity: 'crm' }).identity).toBe('crm')
  expect(source('all', { record: item => item }).identity).not.toBe(source('all').identity)
})
