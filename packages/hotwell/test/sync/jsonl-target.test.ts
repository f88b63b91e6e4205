import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HotwellError } from '../../src/core/errors.ts'
import { createSync, type Source } from '../../src/sync/index.ts'
import { jsonl as jsonlSource } from '../../src/sync/sources/jsonl.ts'
import { jsonl } from '../../src/sync/targets/jsonl.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, ListSource, relation } from './list-source.ts'
import { sampleRecords } from './sources/sample-records.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotwell-jsonl-target-'))
  path = join(folder, 'plant.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function exporting(source: Source, batchSize = 3, options = {}) {
  return createSync({
    name: 'out',
    source,
    target: jsonl(path, options),
    strategy: { batchSize },
    clock: new InstantClock(),
  })
}

async function imported(source: Source): Promise<MemoryTarget> {
  const target = new MemoryTarget({ batch: 2 })
  const sync = createSync({ name: 'in', source, target, clock: new InstantClock() })
  expect(await sync.run()).toMatchObject({ failed: 0 })
  await sync.close()
  return target
}

const contentOf = ({ tables }: MemoryTarget) => ({
  elements: new Map([...tables.elements].map(([id, { hash, modifiedAt }]) => [id, { hash, modifiedAt }])),
  relations: new Set(tables.relations.keys()),
  pending: new Set(tables.pending.keys()),
})

const lines = () =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

test('what was exported is what is read back: elements, changes of attributes, relations, what is gone', async () => {
  const source = new ListSource([
    ...sampleRecords,
    { element: '10', attributes: { flow: null, more: [1, { deep: 'x' }] }, modifiedAt: Date.UTC(2026, 1, 1) },
    { id: '9', type: 'valve', name: 'nine again', attributes: {} },
    { id: 'ring 2', deleted: true },
    { from: 'ring 1', type: 'feeds', to: 'ring 1', deleted: true },
  ])
  for (const batchSize of [1, 3, 1000]) {
    expect(await exporting(source, batchSize).run()).toMatchObject({ state: 'completed', failed: 0 })
    expect(contentOf(await imported(jsonlSource(path)))).toEqual(contentOf(await imported(source)))
  }
  expect(lines()[0]).toEqual(sampleRecords[0])
  expect(readdirSync(folder)).toEqual(['plant.jsonl'])
})

test('under its name there is always a whole export: the former one until the present one is complete', async () => {
  const source = new ListSource(Array.from({ length: 40 }, (_, id) => element(`e${id}`)))
  await exporting(source).run()
  const former = readFileSync(path, 'utf8')
  source.records = Array.from({ length: 60 }, (_, id) => element(`f${id}`))
  const seen = new Set<string>()
  source.beforePage = page => {
    seen.add(readFileSync(path, 'utf8'))
    if (page === 15) throw new HotwellError('source_failed', 'It has gone.', { retryable: false })
  }
  await expect(exporting(source).run()).rejects.toMatchObject({ code: 'source_failed' })
  source.beforePage = () => {}
  expect([...seen]).toEqual([former])
  expect(readFileSync(path, 'utf8')).toBe(former)
  expect(readdirSync(folder), 'and nothing of the other is left').toEqual(['plant.jsonl'])
  await exporting(source).run()
  expect(lines().map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, id) => `f${id}`))
})

test('a source that fails is gone on with; one whose position is lost is written from the start: nothing comes twice', async () => {
  const source = new ListSource(Array.from({ length: 50 }, (_, id) => element(`e${id}`)))
  let failures = 0
  source.beforePage = page => {
    if (page !== 5) return
    failures++
    if (failures < 3) throw new HotwellError('source_failed', 'It is away.')
    if (failures === 3) throw new HotwellError('position_lost', 'It has expired.')
  }
  expect(await exporting(source).run()).toMatchObject({ state: 'completed' })
  expect(failures).toBeGreaterThanOrEqual(3)
  expect(lines().map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => `e${id}`))
})

test('each run reads everything, also incremental ones', async () => {
  const at = (value: number) => element('a', value, { modifiedAt: Date.UTC(2026, 0, 1) })
  const source = new ListSource([at(1), element('b')])
  const sync = createSync({ name: 'out', source, target: jsonl(path), strategy: { mode: 'incremental' } })
  await sync.run()
  source.records = [at(2)]
  expect(await sync.run()).toMatchObject({ mode: 'full' })
  expect(lines()).toMatchObject([{ id: 'a', attributes: { value: 2 } }])
})

test('a source that returns nothing does not replace a file that holds something, unless that is allowed', async () => {
  const source = new ListSource([])
  await exporting(source).run()
  expect(readFileSync(path, 'utf8')).toBe('')
  source.records = [element('a')]
  await exporting(source).run()
  source.records = []
  await expect(exporting(source).run()).rejects.toMatchObject({ code: 'deletes_refused' })
  expect(lines()).toHaveLength(1)
  await exporting(source, 3, { allowEmpty: true }).run()
  expect(readFileSync(path, 'utf8')).toBe('')
})

test('what could not be taken is told beside it, until a run takes all', async () => {
  const source = new ListSource([element('a'), { id: '' }, relation('a', 'b')])
  source.unreadable = [{ place: 'line 9', reason: 'It is no JSON.', text: '{' }]
  expect(await exporting(source).run()).toMatchObject({ failed: 2, inserted: 2 })
  const letters = readFileSync(`${path}.dead-letters`, 'utf8').trimEnd().split('\n')
  expect(letters.map(line => JSON.parse(line).key).sort()).toEqual([expect.stringMatching(/^\(no id\) /), 'line 9'])
  source.records.splice(1, 1)
  source.unreadable = undefined
  await exporting(source).run()
  expect(existsSync(`${path}.dead-letters`)).toBe(false)
})

test('a part is no export; a link stays one; what killed processes have left goes after a day', async () => {
  const source = new ListSource([element('a')])
  const real = join(folder, 'real', 'plant.jsonl')
  const link = join(folder, 'link.jsonl')
  await expect(exporting(source).run({ part: { elements: ['a'] } })).rejects.toMatchObject({ code: 'invalid_request' })
  expect(existsSync(path)).toBe(false)
  path = real
  await exporting(source).run()
  symlinkSync(real, link)
  const stale = join(dirname(real), 'plant.jsonl.0123456789ab.partial')
  const young = join(dirname(real), 'plant.jsonl.abababababab.partial')
  writeFileSync(stale, 'half')
  writeFileSync(young, 'half')
  utimesSync(stale, 1, 1)
  path = link
  source.records.push(element('b'))
  await exporting(source).run()
  path = real
  expect(lines()).toHaveLength(2)
  expect(readdirSync(dirname(real)).sort()).toEqual(['plant.jsonl', 'plant.jsonl.abababababab.partial'])
})

test('a place where nothing can be written is waited for', async () => {
  writeFileSync(join(folder, 'file'), '')
  path = join(folder, 'file', 'plant.jsonl')
  const run = exporting(new ListSource([element('a')])).run()
  await expect(run).rejects.toMatchObject({ code: 'target_unavailable', retryable: true })
})
