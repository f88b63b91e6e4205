import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { rowOf } from '../../src/history/acquisition-row.ts'
import { openSqliteHistoryStore } from '../../src/history/sqlite-history-store.ts'
import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'
import { record } from './records.ts'
import { countOf, lock, read, temporaryPath } from './temporary.ts'

function openedStore(path: string) {
  const store = openSqliteHistoryStore({ path, synchronous: 'normal', busyLimitMs: 10_000 })
  onTestFinished(() => store.close())
  return store
}

/** Transactions in the write-ahead log: the last frame of each tells a size. https://www.sqlite.org/fileformat.html */
function commitsIn(path: string): number {
  const log = readFileSync(`${path}-wal`)
  const frameBytes = 24 + log.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at < log.length; at += frameBytes) if (log.readUInt32BE(at + 4) > 0) commits++
  return commits
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

test('what is sent while others are written lands in one transaction, in the order in which it was sent', async () => {
  const path = temporaryPath()
  const store = openedStore(path)
  await store.write([rowOf(record())])
  const before = commitsIn(path)
  const sent = Array.from({ length: 20 }, (_, i) => store.write([rowOf(record({ generation: i }))]))
  await Promise.all(sent)
  expect(commitsIn(path)).toBe(before + 1)
  const found = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY rowid')
  expect(found.slice(1).map(row => row.generation)).toEqual(Array.from(sent.keys()))
})

test('a group that cannot be written is told to everybody in it, and the next one is written', async () => {
  const path = temporaryPath()
  const store = openSqliteHistoryStore({ path, synchronous: 'normal', busyLimitMs: 50 })
  onTestFinished(() => store.close())
  await store.write([rowOf(record())])
  const { release } = lock(path)
  const sent = await Promise.allSettled([store.write([rowOf(record())]), store.write([rowOf(record())])])
  expect(sent.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  release()
  await store.write([rowOf(record())])
  expect(countOf(path)).toBe(2)
})
