import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { type RawBuilder, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openSqlite } from '../../src/database/index.ts'
import type { History, SearchOptions } from '../../src/history/index.ts'
import { conditionOf, type RecordFilter } from '../../src/history/record-filter.ts'
import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'
import { record } from './records.ts'
import { lock, temporaryHistory, temporaryPath } from './temporary.ts'

const dayMs = 86_400_000
const now = Date.UTC(2026, 5, 1)

async function historyOf(records: readonly Partial<AcquisitionRecord>[], worker = false) {
  const path = temporaryPath()
  const history = temporaryHistory({ path, worker })
  for (const differences of records) history.record(record({ finishedAt: now, ...differences }))
  await history.flush()
  return { history, path }
}

const newestFirst = (a: AcquisitionRecord, b: AcquisitionRecord) =>
  b.finishedAt - a.finishedAt || (a.id < b.id ? 1 : -1)

/** Every record of a search, page by page. */
async function pages(history: History, options: SearchOptions, between?: () => Promise<void>) {
  const found: AcquisitionRecord[] = []
  for (let cursor: string | undefined; ; await between?.()) {
    const page = await history.search({ ...options, cursor })
    found.push(...page.records)
    cursor = page.nextCursor
    if (cursor === undefined) return found
  }
}

test('a search gives back each record as it was recorded, details of its failure included', async () => {
  const made = record({
    subject: undefined,
    status: 'network_error',
    credentialId: 'c-1',
    loginMs: 12.5,
    fingerprint: undefined,
    generation: undefined,
    errorCode: 'provider_error',
    errorMessage: 'The site cannot be reached.',
    errorDetails: 'connect ECONNREFUSED 127.0.0.1:1\nsyscall connect',
  })
  const { history } = await historyOf([], true)
  history.record(made)
  await history.flush()
  const { records, nextCursor } = await history.search()
  expect(JSON.parse(JSON.stringify(records))).toEqual([JSON.parse(JSON.stringify(made))])
  expect(nextCursor).toBeUndefined()
})

test('a search finds by site, account, kind, status, trigger and time, the newest first', async () => {
  const { history } = await historyOf([
    { id: 'a', provider: 'court', kind: 'account', subject: 'zhang', status: 'captcha_error', finishedAt: now - 3000 },
    { id: 'b', provider: 'court', kind: 'account', subject: 'li', trigger: 'manual', finishedAt: now - 2000 },
    { id: 'c', provider: 'crm', kind: 'client', subject: undefined, finishedAt: now - 1000 },
  ])
  const ids = async (options: SearchOptions) => (await history.search(options)).records.map(({ id }) => id)
  expect(await ids({})).toEqual(['c', 'b', 'a'])
  expect(await ids({ site: 'court' })).toEqual(['b', 'a'])
  expect(await ids({ account: 'zhang' })).toEqual(['a'])
  expect(await ids({ kind: 'client' })).toEqual(['c'])
  expect(await ids({ status: 'captcha_error' })).toEqual(['a'])
  expect(await ids({ trigger: 'manual' })).toEqual(['b'])
  expect(await ids({ fromAt: now - 2000, toAt: now - 1000 }), 'from is inclusive, to is not').toEqual(['b'])
  expect(await ids({ site: 'court', status: 'timeout' })).toEqual([])
})

test('pages neither double nor miss a record, whatever finished at the same instant and arrives meanwhile', async () => {
  const instant = fc.integer({ min: 0, max: 4 })
  const trace = fc.record({
    before: fc.array(instant, { maxLength: 40 }),
    // Late ones as well: another process writes what finished a second ago.
    between: fc.array(fc.array(instant, { maxLength: 3 }), { maxLength: 10 }),
    limit: fc.integer({ min: 1, max: 7 }),
  })
  await fc.assert(
    fc.asyncProperty(trace, async ({ before, between, limit }) => {
      const history = temporaryHistory({ path: temporaryPath(), worker: false })
      const recorded = (offsets: readonly number[]) =>
        offsets.map(offset => {
          const made = record({ finishedAt: now + offset, id: randomUUID() })
          history.record(made)
          return made
        })
      const made = recorded(before)
      const later = new Set<string>()
      const found = await pages(history, { limit }, async () => {
        for (const { id } of recorded(between.shift() ?? [])) later.add(id)
      })
      await history.close()
      const ids = found.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.filter(id => !later.has(id))).toEqual(made.toSorted(newestFirst).map(({ id }) => id))
      expect(ids).toEqual(found.toSorted(newestFirst).map(({ id }) => id))
    }),
    { numRuns: process.env.HOTWELL_TEST_SCALE === 'long' ? 300 : 25 },
  )
})

test('what the filter leaves out is in no page, whichever filters are put together', async () => {
  const fewOf = (...values: string[]) => fc.constantFrom(...values)
  const one = fc.record({
    provider: fewOf('court', 'crm'),
    subject: fewOf('zhang', 'li'),
    status: fc.constantFrom('success' as const, 'timeout' as const),
    trigger: fc.constantFrom('manual' as const, 'preheat' as const),
    finishedAt: fc.integer({ min: now, max: now + 3 }),
  })
  const filters = fc.record(
    {
      site: fewOf('court', 'crm', 'none'),
      account: fewOf('zhang', 'li'),
      status: fc.constantFrom('success' as const, 'timeout' as const),
      trigger: fc.constantFrom('manual' as const, 'preheat' as const),
      fromAt: fc.integer({ min: now, max: now + 3 }),
    },
    { requiredKeys: [] },
  )
  const made = fc.sample(one, 60).map(differences => record({ ...differences, id: randomUUID() }))
  const { history } = await historyOf(made)
  await fc.assert(
    fc.asyncProperty(filters, fc.integer({ min: 1, max: 20 }), async (filter, limit) => {
      const { site, account, status, trigger, fromAt = 0 } = filter
      const fits = made.filter(
        one =>
          [one.provider, undefined].includes(site) &&
          [one.subject, undefined].includes(account) &&
          [one.status, undefined].includes(status) &&
          [one.trigger, undefined].includes(trigger) &&
          one.finishedAt >= fromAt,
      )
      const found = await pages(history, { ...filter, limit })
      expect(found.map(({ id }) => id)).toEqual(fits.toSorted(newestFirst).map(({ id }) => id))
    }),
  )
})

test.each([true, false])(
  'what was recorded a moment ago is found and counted, in a thread of its own: %s',
  async worker => {
    const history = temporaryHistory({ path: temporaryPath(), worker })
    for (let recorded = 1; recorded < 9; recorded++) {
      history.record(record({ finishedAt: Date.now() - 1000 }))
      if (recorded % 2) expect((await history.search()).records).toHaveLength(recorded)
      else expect((await history.statistics()).total).toBe(recorded)
    }
  },
)

test('while nothing can be written, what is committed is found without waiting for the rest', async () => {
  const path = temporaryPath()
  const history = temporaryHistory({ path, flushTimeoutMs: 2 ** 30 })
  history.record(record({ id: 'committed' }))
  await history.flush()
  const { release } = lock(path)
  history.record(record({ id: 'waiting' }))
  for (let again = 0; again < 2; again++)
    expect((await history.search()).records.map(({ id }) => id)).toEqual(['committed'])
  expect(history.problems()).toHaveLength(1)
  release()
  await history.flush()
  expect((await history.search()).records).toHaveLength(2)
})

test('looking through a long history holds up no record', async () => {
  const history = temporaryHistory({ path: temporaryPath() })
  for (let i = 0; i < 10_000; i++) history.record(record())
  await history.flush()
  let done = 0
  const reading = Array.from({ length: 100 }, () => history.search({ kind: 'none' }).then(() => done++))
  await nextTurn()
  history.record(record())
  await history.flush()
  expect(done).toBeLessThan(100)
  await Promise.all(reading)
})

test('a history that was closed says so to whoever still asks', async () => {
  const history = temporaryHistory({ path: temporaryPath() })
  history.record(record())
  await history.search()
  await history.close()
  await expect(history.search()).rejects.toMatchObject({ code: 'closed' })
  await expect(history.statistics()).rejects.toMatchObject({ code: 'closed' })
  await expect(history.purge()).rejects.toMatchObject({ code: 'closed' })
})

test.each<[string, object]>([
  ['limit', { limit: 0 }],
  ['limit', { limit: 501 }],
  ['limit', { limit: 1.5 }],
  ['cursor', { cursor: 'made-up' }],
  ['cursor', { cursor: Buffer.from('[1]').toString('base64url') }],
  ['fromAt', { fromAt: Number.NaN }],
])('a search with a bad %s is refused, naming it: %o', async (name, options) => {
  const { history } = await historyOf([{}])
  await expect(history.search(options)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining(name),
  })
})

test.each<[string, RecordFilter]>([
  ['finished', {}],
  ['finished', { status: 'success' }],
  ['site', { site: 'a' }],
  ['failure', { status: 'timeout' }],
  ['subject', { account: 'b' }],
  ['subject', { site: 'a', kind: 'c', account: 'b' }],
])('a page of a long history is found by the index "%s", statistics likewise: %o', async (index, filter) => {
  const { path } = await historyOf([{}])
  const database = await openSqlite(path)
  onTestFinished(() => database.close())
  const plan = async (statement: RawBuilder<unknown>) =>
    (await database.query(kysely => sql<{ detail: string }>`explain query plan ${statement}`.execute(kysely))).rows[0]
  const beyond = sql`(finished_at, id) < (${now}, 'x')`
  const page = sql`select * from acquisitions where ${conditionOf(filter)} and ${beyond}
    order by finished_at desc, id desc limit 50`
  expect(await plan(page)).toMatchObject({ detail: expect.stringContaining(`USING INDEX acquisitions_${index} `) })
  const count = sql`select avg(total_ms) from acquisitions where ${conditionOf({ ...filter, fromAt: 1, toAt: 2 })}`
  expect(await plan(count)).toMatchObject({ detail: expect.stringContaining(`USING INDEX acquisitions_${index} `) })
})

test('what is older than a number of days is deleted on request, and nothing else', async () => {
  const path = temporaryPath()
  const history = temporaryHistory({ path, worker: false })
  const today = Date.now()
  for (const days of [0, 3, 8, 29]) history.record(record({ id: `${days}`, finishedAt: today - days * dayMs - 60_000 }))
  await history.flush()
  await expect(history.purge({ days: 0 })).rejects.toMatchObject({ code: 'invalid_request' })
  expect(await history.purge({ days: 7 })).toBe(2)
  expect((await history.search()).records.map(({ id }) => id)).toEqual(['0', '3'])
  expect(await history.purge()).toBe(0)
})

test('a file from before the details is upgraded where it lies, and keeps its records', async () => {
  const { history, path } = await historyOf([{ id: 'old' }])
  await history.close()
  const database = new DatabaseSync(path)
  database.exec('alter table acquisitions drop column error_details')
  database.exec('drop index acquisitions_subject')
  database.exec('drop index acquisitions_failure')
  database.exec('create index acquisitions_status on acquisitions (status, finished_at)')
  database.exec('create index acquisitions_account on acquisitions (provider, kind, subject, finished_at)')
  database.exec("delete from hotwell_migrations where name = '002-history-details'")
  database.close()
  const again = temporaryHistory({ path, worker: false })
  again.record(record({ id: 'new', finishedAt: now + 1, errorDetails: 'because' }))
  await again.flush()
  const { records } = await again.search()
  expect(records.map(({ id, errorDetails }) => [id, errorDetails])).toEqual([
    ['new', 'because'],
    ['old', undefined],
  ])
})
