import { type ApiKeyAction, generateKey, type HotwellConfig, hashKey } from '@hotwell/server'
import { providerFailure } from 'hotwell'
import { createHistory } from 'hotwell/history'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { ask, type Reply, start, temporaryFolder } from '../start.ts'

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const history = '/api/v1/history'
const secret = 'a-token-that-nobody-may-see'

/** A server whose history has two acquisitions of `crm/client`, one of `shop/user/li`, and a failed one of `shop/client`. */
async function served(config: HotwellConfig = {}) {
  const acquire = async () => ({ value: `${secret}-${Math.random()}`, expiresInSeconds: 3600 })
  const shop = custom({
    kinds: ['user', 'client'],
    acquire: async ({ ref }) => {
      if (ref.kind === 'user') return acquire()
      throw providerFailure({ message: 'the shop is shut', disposition: 'terminal' })
    },
  })
  const providers = { crm: custom({ kinds: ['client'], acquire }), shop }
  const server = await start({ providers, history: {}, preheat: false, ...config })
  // Each in a millisecond of its own, so that their order in time is known.
  await server.tokens.token('crm/client').get()
  await pause(2)
  await server.tokens.token('crm/client').refresh()
  await pause(2)
  await server.tokens.token('shop/user/li').get()
  await pause(2)
  await server.tokens
    .token('shop/client')
    .get()
    .catch(() => {})
  await server.history?.flush()
  const get = (path: string, headers = {}): Promise<Reply> => ask(server.url, history + path, { headers })
  return { server, get }
}

test('past acquisitions are found, the newest first, by what they were and when, and tell no token', async () => {
  const { get } = await served()
  const { json, text } = await get('')
  expect(json.nextCursor).toBeNull()
  expect(json.records.map(({ ref, status, trigger }: Record<string, string>) => [ref, status, trigger])).toEqual([
    ['shop/client', 'failed', 'no_token'],
    ['shop/user/li', 'success', 'no_token'],
    ['crm/client', 'success', 'manual'],
    ['crm/client', 'success', 'no_token'],
  ])
  expect(text).not.toContain(secret)
  expect(json.records[0]).toMatchObject({ errorMessage: expect.stringContaining('shut'), attempts: 1, subject: null })
  const [newest] = json.records
  expect(new Date(newest.finishedAt).toISOString()).toBe(newest.finishedAt)
  const counts = async (query: string) => (await get(`?${query}`)).json.records.length
  expect(await counts('site=crm')).toBe(2)
  expect(await counts('site=crm&trigger=manual')).toBe(1)
  expect(await counts('status=failed')).toBe(1)
  expect(await counts('account=li&kind=user')).toBe(1)
  expect(await counts(`from=${newest.finishedAt}`)).toBe(1)
  expect(await counts(`to=${newest.finishedAt}`)).toBe(3)
  expect(await counts('to=2020-01-01')).toBe(0)
  const first = (await get('?limit=3')).json
  expect(first.records).toHaveLength(3)
  const rest = (await get(`?limit=3&cursor=${first.nextCursor}`)).json
  expect([...first.records, ...rest.records]).toEqual(json.records)
  expect(rest.nextCursor).toBeNull()
})

test('statistics are those of the days, site, kind and account asked for', async () => {
  const { get } = await served()
  expect((await get('/statistics')).json).toMatchObject({
    total: 4,
    successes: 3,
    successRate: 0.75,
    byStatus: { success: 3, failed: 1 },
    byAccount: [{ site: 'shop', kind: 'user', account: 'li', total: 1, attempts: 1 }],
  })
  const narrowed = (await get('/statistics?days=90&site=crm')).json
  expect(narrowed).toMatchObject({ total: 2, bySite: [{ site: 'crm', total: 2 }], byAccount: [] })
  const days = (Date.parse(narrowed.toAt) - Date.parse(narrowed.fromAt)) / 86_400_000
  expect(days).toBeCloseTo(90, 3)
  expect((await get('/statistics?site=shop&kind=user&account=li')).json.total).toBe(1)
})

test('what is older than so many days is dropped, and nothing else', async () => {
  const dataDir = await temporaryFolder()
  const old = createHistory({ path: `${dataDir}/hotwell.db`, worker: false, retentionDays: 60 })
  const finishedAt = Date.now() - 20 * 86_400_000
  old.record({
    ...{ id: 'old', provider: 'crm', kind: 'client', ref: 'crm/client', status: 'success', trigger: 'no_token' },
    ...{ unchanged: false, refresh: false, attempts: 1, totalMs: 1, providerMs: 1, captchaAttempts: 0 },
    ...{ networkRetries: 0, queueWaitMs: 0, node: 'test', createdAt: finishedAt, finishedAt },
  } as never)
  await old.close()
  const { server, get } = await served({ dataDir })
  const records = async () => (await get('')).json.records.length
  expect(await records()).toBe(5)
  const purge = (query: string) => ask(server.url, history + query, { method: 'DELETE' })
  expect(await purge('?days=30')).toMatchObject({ status: 200, json: { deleted: 0 } })
  expect(await purge('?days=10')).toMatchObject({ status: 200, json: { deleted: 1 } })
  expect(await records()).toBe(4)
  for (const query of ['', '?days=0', '?days=91', '?days=1.5', '?days=-1', '?days=', '?days=x', '?days=1&days=2']) {
    expect(await purge(query), query).toMatchObject({ status: 400, json: { detail: expect.stringMatching(/days/) } })
  }
  expect(await records()).toBe(4)
})

test('a search that makes no sense is refused, naming what is wrong', async () => {
  const { get } = await served()
  for (const [query, detail] of [
    ['?limit=0', /limit/],
    ['?limit=501', /limit/],
    ['?from=yesterday', /from.*2026-01-31/],
    ['?to=2026-13-01', /to/],
    ['?from=2026-02-30', /from/],
    ['?from=2026-02-02&to=2026-02-01', /later/],
    ['?status=splendid', /status/],
    ['?trigger=none', /trigger/],
    ['?cursor=x', /cursor/],
    ['?page=2', /page/],
    ['/statistics?days=91', /days/],
    ['/statistics?days=0', /days/],
  ] as const) {
    const reply = await get(query)
    expect(reply, query).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(reply.json.detail, query).toMatch(detail)
  }
})

test('a narrow key finds the records that it covers, page by page, and gets figures of nothing else', async () => {
  const [key, all] = [generateKey(), generateKey()]
  const keys = [
    { name: 'narrow', sha256: hashKey(key), refs: ['crm/*'], actions: ['history'] as ApiKeyAction[] },
    { name: 'all', sha256: hashKey(all), actions: ['history'] as ApiKeyAction[] },
  ]
  const { server, get } = await served({ keys })
  const narrow = { authorization: `Bearer ${key}` }
  expect((await get('', { authorization: `Bearer ${all}` })).json.records).toHaveLength(4)
  expect((await get('', narrow)).json.records).toHaveLength(2)
  const refs: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Reply = await get(`?limit=1${cursor && `&cursor=${cursor}`}`, narrow)
    refs.push(...page.json.records.map(({ ref }: { ref: string }) => ref))
    cursor = page.json.nextCursor
  }
  expect(refs).toEqual(['crm/client', 'crm/client'])
  expect((await get('?site=shop', narrow)).json.records).toEqual([])
  expect((await get('/statistics?site=crm', narrow)).json.total).toBe(2)
  for (const query of ['/statistics', '/statistics?site=shop', '/statistics?site=shop&kind=user&account=li']) {
    expect(await get(query, narrow), query).toMatchObject({ status: 403, json: { code: 'forbidden' } })
  }
  const purged = await ask(server.url, `${history}?days=1`, { method: 'DELETE', headers: narrow })
  expect(purged).toMatchObject({ status: 403, json: { detail: expect.stringContaining('everything') } })
})

test('a server without history says so', async () => {
  const { get } = await served({ history: false })
  expect(await get('')).toMatchObject({ status: 404, json: { detail: expect.stringContaining('history: false') } })
  expect((await get('/statistics')).status).toBe(404)
})
