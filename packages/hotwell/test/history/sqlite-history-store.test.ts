import { expect, onTestFinished, test } from 'vitest'
import { rowOf } from '../../src/history/acquisition-row.ts'
import { openSqliteHistoryStore } from '../../src/history/sqlite-history-store.ts'
import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'
import { record } from './records.ts'
import { countOf, read, temporaryPath } from './temporary.ts'

function openedStore(path: string) {
  const store = openSqliteHistoryStore({ path, synchronous: 'normal', busyLimitMs: 10_000 })
  onTestFinished(() => store.close())
  return store
}

test('a batch that is sent again after a lost answer is written once', async () => {
  const path = temporaryPath()
  const store = openedStore(path)
  const batch = Array.from({ length: 25 }, () => rowOf(record()))
  await store.write(batch)
  await store.write([...batch, rowOf(record())])
  expect(countOf(path)).toBe(26)
})

test('a bad record does not hold up those behind it', async () => {
  const path = temporaryPath()
  const bad = {
    ...record(),
    totalMs: Number.NaN,
    generation: 'many',
    errorMessage: `lone surrogate \ud800 and ${'x'.repeat(100_000)}`,
    finishedAt: undefined,
  } as unknown as AcquisitionRecord
  await openedStore(path).write([rowOf(bad), rowOf(record()), rowOf({} as AcquisitionRecord)])
  expect(countOf(path)).toBe(3)
  const [longest] = read<{ length: number }>(path, 'SELECT max(length(error_message)) AS length FROM acquisitions')
  expect(longest!.length).toBe(8192)
})

test('a purge lets records be written in between', async () => {
  const path = temporaryPath()
  const store = openedStore(path)
  await store.write(Array.from({ length: 4500 }, () => rowOf(record({ finishedAt: 1000 }))))
  let purged: number | undefined
  const purging = store.purge(2000).then(count => (purged = count))
  await store.write([rowOf(record())])
  expect(purged).toBeUndefined()
  expect(countOf(path)).toBeGreaterThan(1)
  expect(await purging).toBe(4500)
  expect(countOf(path)).toBe(1)
})

test('statistics use the indexes, so that they stay quick while history grows', async () => {
  const path = temporaryPath()
  await openedStore(path).write([rowOf(record())])
  const plan = (where: string) =>
    read<{ detail: string }>(path, `EXPLAIN QUERY PLAN SELECT count(*) FROM acquisitions WHERE ${where}`)[0]!.detail
  expect(plan('finished_at >= 1 AND finished_at < 2')).toMatch(/acquisitions_finished/)
  expect(plan("provider = 'a' AND finished_at >= 1")).toMatch(/acquisitions_site/)
  expect(plan("provider = 'a' AND kind = 'b' AND subject = 'c' AND finished_at >= 1")).toMatch(/acquisitions_subject/)
  expect(plan("status = 'timeout' AND finished_at >= 1")).toMatch(/acquisitions_status/)
})
