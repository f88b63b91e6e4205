import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { compareIds } from '../../src/sync/model/compare-ids.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { element, ListSource } from './list-source.ts'

/** Of several planes: UTF-8 puts them in this order, JavaScript puts the emoji and the fraktur before the full-width ones. */
const planes = ['A', 'Z', 'a', 'z', 'ß', 'Ω', '中', '\u{ff21}', '\u{ff5a}', '\u{1d504}', '😀', '🚀']
const ids = planes.flatMap(first => planes.map(second => first + second))

function database() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-ranges-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'plant.db')
  const read = (statement: string) => {
    const file = new DatabaseSync(path)
    try {
      return file.prepare(statement).all() as Record<string, unknown>[]
    } finally {
      file.close()
    }
  }
  return { target: sqlite(path), read, idsThere: () => read('select id from elements order by id').map(({ id }) => id) }
}

test('ids are ordered by their bytes, as the databases order them', () => {
  const byBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other))
  expect([...ids].sort(compareIds)).toEqual([...ids].sort(byBytes))
  expect([...ids].sort(), 'control: JavaScript orders otherwise').not.toEqual([...ids].sort(byBytes))
  for (const one of ids) for (const other of ids) expect(Math.sign(compareIds(one, other))).toBe(byBytes(one, other))
})

test('deletes by ranges of ids of any plane take what is gone, and no other row', async () => {
  const { target, read, idsThere } = database()
  const sorted = [...ids].sort(compareIds)
  const source = new ListSource(sorted.map(id => element(id)))
  const sync = createSync({ name: 'plant', source, target, strategy: { batchSize: 10 } })
  await sync.run()
  expect(idsThere()).toEqual(sorted)
  for (let gone = 0; gone < 12; gone++) {
    const kept = sorted.filter((_, index) => index % 12 !== gone)
    source.records = kept.map(id => element(id))
    expect(await sync.run()).toMatchObject({ deleted: 12, state: 'completed' })
    expect(idsThere()).toEqual(kept)
    source.records = sorted.map(id => element(id))
    expect(await sync.run()).toMatchObject({ inserted: 12, deleted: 0 })
  }
  expect(read('select count(*) as n from hotwell_seen'), 'by ranges alone').toEqual([{ n: 0 }])
})

test('where the order is JavaScript’s, or none, what was seen is remembered instead', async () => {
  for (const order of [(all: string[]) => all.sort(), (all: string[]) => all.reverse()]) {
    const { target, read, idsThere } = database()
    const source = new ListSource(order([...ids]).map(id => element(id)))
    const sync = createSync({ name: 'plant', source, target, strategy: { batchSize: 10 } })
    await sync.run()
    source.records = source.records.filter((_, index) => index % 12 !== 5)
    expect(await sync.run()).toMatchObject({ deleted: 12 })
    expect(idsThere()).toEqual(source.records.map(record => (record as { id: string }).id).sort(compareIds))
    expect(read('select count(*) as n from hotwell_seen')[0]!.n).toBeGreaterThan(0)
  }
})

test('a record that comes late, out of order, is not deleted for having been missed in its range', async () => {
  const { target, idsThere } = database()
  const sorted = [...ids].sort(compareIds)
  const source = new ListSource(sorted.map(id => element(id)))
  const sync = createSync({ name: 'plant', source, target, strategy: { batchSize: 10 } })
  await sync.run()
  const late = sorted[20]!
  source.records = [...sorted.filter(id => id !== late), late].map(id => element(id))
  expect(await sync.run()).toMatchObject({ deleted: 0 })
  expect(idsThere()).toContain(late)
})
