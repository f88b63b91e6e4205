import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { SourcePage } from '../../../src/sync/source.ts'
import { jsonl } from '../../../src/sync/sources/jsonl.ts'
import { sourceContract } from '../../../src/testing/sync-source-contract.ts'
import { sampleElements, sampleRecords } from './sample-records.ts'

const folder = mkdtempSync(join(tmpdir(), 'hotwell-jsonl-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function fileOf(content: string | Buffer): string {
  const path = join(folder, `${++files}.jsonl`)
  writeFileSync(path, content)
  return path
}

const row = (id: number, more: object = {}) => JSON.stringify({ id: `e${id}`, type: 'pump', name: `n${id}`, ...more })
const rows = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `${row(from + index)}\n`).join('')

interface Reading {
  after?: string
  pageRecords?: number
  pageBytes?: number
  maxLineMegabytes?: number
  signal?: AbortSignal
  beforePage?: (page: number) => void
}

async function pages(path: string, { after, beforePage, maxLineMegabytes, ...more }: Reading = {}) {
  const request = { filter: {}, pageRecords: 10, pageBytes: 2 ** 20, signal: new AbortController().signal, ...more }
  const read: SourcePage[] = []
  for await (const page of jsonl(path, { maxLineMegabytes }).read({ after, ...request })) {
    read.push(page)
    beforePage?.(read.length)
  }
  return read
}

sourceContract(test, 'jsonl', {
  make: async () => {
    const change = { element: sampleElements[4]!.id, attributes: { flow: null, more: 1 } }
    const records = [...sampleRecords, change]
    const path = fileOf(records.map(record => JSON.stringify(record)).join('\n'))
    return { source: jsonl(path), reopen: () => jsonl(path), records }
  },
})

const ids = (read: readonly SourcePage[]) =>
  read.flatMap(({ records }) => records.map(record => (record as { id: string }).id))
const unreadable = (read: readonly SourcePage[]) => read.flatMap(page => page.unreadable ?? [])

test('pages are cut by count and by bytes, and say how much of the file is behind them', async () => {
  const path = fileOf(rows(25))
  const byCount = await pages(path)
  expect(byCount.map(({ records }) => records.length)).toEqual([10, 10, 5])
  expect(byCount.at(-1)!.share).toBe(1)
  expect(byCount[0]!.share).toBeGreaterThan(0.3)
  expect(byCount[0]!.share).toBeLessThan(0.45)
  const byBytes = await pages(path, { pageBytes: 3 * row(1).length + 5 })
  expect(byBytes.slice(0, 3).map(({ records }) => records.length)).toEqual([3, 3, 3])
  expect(ids(byBytes)).toEqual(ids(byCount))
  expect((await pages(path, { pageBytes: 1 })).length, 'a record that is larger than a page is one').toBe(25)
})

test('a byte order mark, CRLF, blank lines and a last line without its end are nothing to complain about', async () => {
  const read = await pages(fileOf(`\ufeff${row(1)}\r\n\r\n  \n${row(2)}\r\n\n\n${row(3)}`), { pageBytes: 30 })
  expect(ids(read)).toEqual(['e1', 'e2', 'e3'])
  expect(unreadable(read)).toEqual([])
  expect(await pages(fileOf(''))).toEqual([])
  expect(await pages(fileOf('\r\n\n \n'))).toEqual([])
})

test('what is no JSON object is told with its line, and the rest is read', async () => {
  const broken = Buffer.concat([
    Buffer.from(`${row(1)}\n{"id": \n[1]\n\n17\n`),
    Buffer.from([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d, 0x0a]),
    Buffer.from(`${row(2, { name: 'a real \ufffd' })}\n{"id":"half`),
  ])
  const path = fileOf(broken)
  for (const pageRecords of [1, 3, 100]) {
    const read = await pages(path, { pageRecords })
    expect(ids(read)).toEqual(['e1', 'e2'])
    expect(unreadable(read).map(({ place }) => place)).toEqual(['line 2', 'line 3', 'line 5', 'line 6', 'line 8'])
    expect(unreadable(read).map(({ reason }) => reason.replace(/:.*/, ''))).toEqual([
      'It is no JSON',
      'It is JSON, but no object.',
      'It is JSON, but no object.',
      'It is no valid UTF-8.',
      'It is no JSON',
    ])
    expect(unreadable(read)[0]!.text).toBe('{"id": ')
  }
})

test('characters of several bytes come through wherever chunks are cut', async () => {
  const names = Array.from({ length: 40_000 }, (_, id) => `${'中文😀ｱ'.repeat(id % 9)}${'x'.repeat(id % 7)}`)
  const read = await pages(fileOf(names.map((name, id) => row(id, { name })).join('\n')), { pageRecords: 1000 })
  expect(read.flatMap(page => page.records).map(record => (record as { name: string }).name)).toEqual(names)
  expect(unreadable(read)).toEqual([])
})

test('a line that is too long is told and not kept in memory', async () => {
  const path = join(folder, 'long.jsonl')
  const file = await open(path, 'w')
  await file.write(`${row(1)}\n{"id":"long","name":"`)
  const mebibyte = Buffer.alloc(2 ** 20, 'x')
  for (let count = 0; count < 200; count++) await file.write(mebibyte)
  await file.write(`"}\n${row(2)}\n${'y'.repeat(3000)}\n${row(3)}`)
  await file.close()
  const peak = { bytes: 0 }
  const before = process.memoryUsage()
  const watch = setInterval(() => {
    const now = process.memoryUsage()
    peak.bytes = Math.max(peak.bytes, now.arrayBuffers + now.external - before.arrayBuffers - before.external)
  }, 1)
  const read = await pages(path, { maxLineMegabytes: 2 / 1024 })
  clearInterval(watch)
  expect(ids(read)).toEqual(['e1', 'e2', 'e3'])
  const length = 200 * 2 ** 20 + 23
  expect(unreadable(read).map(({ place, reason }) => `${place}: ${reason}`)).toEqual([
    `line 2: It has ${length} bytes; the most is 2048.`,
    'line 4: It has 3000 bytes; the most is 2048.',
  ])
  expect(unreadable(read)[0]!.text).toMatch(/^\{"id":"long","name":"x+$/)
  expect(peak.bytes).toBeLessThan(50 * 2 ** 20)
})

test('from every position the same pages come again, also where lines are longer than a chunk', async () => {
  const big = row(77, { attributes: { text: 'z'.repeat(2.5 * 2 ** 20) } })
  const path = fileOf(`${rows(12)}${big}\n${'bad\n'.repeat(3)}${rows(40_000, 100)}`)
  const all = await pages(path, { pageRecords: 2000 })
  expect(ids(all).length).toBe(40_013)
  for (let page = 0; page < all.length; page++)
    expect(await pages(path, { pageRecords: 2000, after: all[page]!.position })).toEqual(all.slice(page + 1))
})

test('a file that was appended to goes on, up to where the reading was to end; the rest comes with the next', async () => {
  const path = fileOf(rows(25))
  const read = await pages(path, { beforePage: page => page === 1 && appendFileSync(path, rows(5, 90)) })
  expect(ids(read).length, 'as it was when reading began').toBe(25)
  expect(ids(await pages(path, { after: read[0]!.position }))).toEqual(ids(read).slice(10))
  expect(ids(await pages(path)).length).toBe(30)
})

test('a position is lost when the file was replaced, became shorter, or was changed before it or in place', async () => {
  const content = rows(1000)
  const changes: ((path: string) => void)[] = [
    path => {
      // Its bytes before the position and its times are those of the former one.
      writeFileSync(`${path}.new`, content)
      utimesSync(`${path}.new`, 1, 1)
      renameSync(`${path}.new`, path)
    },
    path => truncateSync(path, content.length - 10),
    path => writeFileSync(path, `${content.replace('"n700"', '"N700"')}${row(1000)}`),
    path => writeFileSync(path, content.replace('"n3"', '"N3"')),
  ]
  for (const change of changes) {
    const path = fileOf(content)
    utimesSync(path, 1, 1)
    const { position } = (await pages(path, { pageRecords: 710 }))[0]!
    expect((await pages(path, { after: position, pageRecords: 710 })).length).toBe(1)
    change(path)
    await expect(pages(path, { after: position })).rejects.toMatchObject({ code: 'position_lost' })
  }
  for (const position of ['', 'x', '{}', '[]', 'null', '{"offset":-1,"size":3,"line":0,"tail":""}'])
    await expect(pages(fileOf(content), { after: position })).rejects.toMatchObject({ code: 'position_lost' })
})

test('a file that is rewritten or cut while it is read was no snapshot: it is read anew', async () => {
  const content = rows(30_000)
  const changes: ((path: string) => void)[] = [
    path => writeFileSync(path, content.replaceAll('pump', 'tank')),
    path => writeFileSync(path, `${rows(40_000, 7)}`),
    path => truncateSync(path, 100),
  ]
  for (const change of changes) {
    const path = fileOf(content)
    utimesSync(path, 1, 1)
    const reading = pages(path, { beforePage: page => page === 1 && change(path) })
    await expect(reading).rejects.toMatchObject({ code: 'position_lost' })
  }
})

test('what cannot be read is said at once, and what to do', async () => {
  const failing = (path: string) => expect(pages(path)).rejects
  await failing(join(folder, 'missing.jsonl')).toMatchObject({
    code: 'source_failed',
    retryable: false,
    message: expect.stringContaining('There is no file'),
  })
  await failing(folder).toMatchObject({ code: 'source_failed', retryable: false })
  const utf16 = fileOf(Buffer.from(`\ufeff${row(1)}\n`, 'utf16le'))
  await failing(utf16).toMatchObject({ code: 'source_failed', message: expect.stringContaining('UTF-16') })
  expect(() => jsonl('x.jsonl', { maxLineMegabytes: 0 })).toThrow('maxLineMegabytes')
})

test('it ends when it is told to, with the reason it was given', async () => {
  const path = fileOf(rows(100))
  const ending = new AbortController()
  const reading = pages(path, {
    signal: ending.signal,
    pageRecords: 1000,
    pageBytes: 200,
    beforePage: page => (page === 1 ? ending.abort('enough') : expect.unreachable()),
  })
  await reading.then(
    () => expect.unreachable(),
    reason => expect(reason).toBe('enough'),
  )
  await expect(pages(path, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
})
