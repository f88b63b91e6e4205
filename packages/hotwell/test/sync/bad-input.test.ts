import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSync, type SyncStrategy } from '../../src/sync/create-sync.ts'
import { checkRecord } from '../../src/sync/model/check-record.ts'
import { exactJson } from '../../src/sync/model/exact-json.ts'
import { jsonl } from '../../src/sync/sources/jsonl.ts'
import { sqlite as sqliteSource } from '../../src/sync/sources/sqlite.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'

/** A real file, a real database, and what is in it. */
function scene(strategy: SyncStrategy = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-bad-input-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [path, database] = [join(folder, 'plant.jsonl'), join(folder, 'plant.db')]
  const sync = createSync({
    name: 'plant',
    source: jsonl(path),
    target: sqlite(database),
    strategy: { patience: { retries: 1, firstMs: 1, pausedMs: 1, giveUpMs: 100 }, ...strategy },
  })
  onTestFinished(() => sync.close())
  const rows = (statement: string) => {
    const file = new DatabaseSync(database)
    try {
      return file.prepare(statement).all()
    } finally {
      file.close()
    }
  }
  return {
    folder,
    path,
    database,
    sync,
    write: (...lines: (object | string)[]) => writeFileSync(path, lines.map(lineOf).join('\n')),
    rows,
    texts: (statement: string) => rows(statement).map(row => Object.values(row).join(' ')),
    attributes: () =>
      Object.fromEntries(rows('select id, attributes from elements').map(row => [row.id, row.attributes])),
  }
}

const lineOf = (line: object | string) => (typeof line === 'string' ? line : JSON.stringify(line))
const letters = 'select kind, key, reason from hotwell_dead_letters order by kind, key'

test('no digit of a number is lost: what JavaScript would round is kept as the text that was written', async () => {
  const { sync, write, attributes } = scene()
  write(
    '{"id":"a","attributes":{"order":9007199254740993,"list":[-12345678901234567890, 7],"deep":{"x":[1e400]},"sum":12345678901234567.89}}',
    '{"id":9007199254740993,"name":"an id that is a number"}',
    '{"id":"b","attributes":{"exact":9007199254740991,"measured":6.02214076e23,"small":1e-300,"text":"1234567890123456789"}}',
    '{"element":"b","attributes":{"later":1234567890123456789}}',
  )
  expect(await sync.run()).toMatchObject({ inserted: 3, failed: 0 })
  expect(attributes()).toEqual({
    a: '{"deep":{"x":["1e400"]},"list":["-12345678901234567890",7],"order":"9007199254740993","sum":"12345678901234567.89"}',
    b: '{"exact":9007199254740991,"later":"1234567890123456789","measured":6.02214076e+23,"small":1e-300,"text":"1234567890123456789"}',
    '9007199254740993': '{}',
  })
  expect(await sync.verify()).toMatchObject({ equal: true })
})

test('JSON is parsed as JavaScript does, but for the numbers that it would change', () => {
  const texts = ['{"a":[1,-2.5,1e5,1e-9],"b":{"c":"1e999 12345678901234567890","d":null}}', '[]', '"x"', '1E3', '-0']
  for (const text of texts) expect(exactJson(text)).toEqual(JSON.parse(text))
  for (const text of ['{', '', '01', '1e', '[1234567890123456789']) expect(() => exactJson(text)).toThrow(SyntaxError)
  for (const blank of ['', ' ', '\n', '\t'])
    expect(exactJson(`[${blank}1234567890123456789,${blank}-1E+999]`)).toEqual(['1234567890123456789', '-1E+999'])
  expect(exactJson('9007199254740993')).toBe('9007199254740993')
  expect(exactJson('[9007199254740991,-9007199254740991,{"a":[1.5e300]}]')).toEqual([
    9007199254740991,
    -9007199254740991,
    { a: [1.5e300] },
  ])
  expect(Object.keys(exactJson('{"__proto__":1e999}') as object)).toEqual(['__proto__'])
})

test('names that mean something to JavaScript are names like any other, of attributes and as ids', async () => {
  const { sync, write, attributes, texts } = scene({ batchSize: 2 })
  write(
    '{"id":"__proto__","type":"constructor","name":"toString","attributes":{"__proto__":{"isAdmin":true},"constructor":1}}',
    '{"id":"constructor","attributes":{"hasOwnProperty":false}}',
    '{"from":"__proto__","type":"__proto__","to":"constructor"}',
    '{"element":"__proto__","attributes":{"__proto__":[1],"valueOf":2}}',
    '{"element":"constructor","attributes":{"__proto__":null,"hasOwnProperty":null}}',
    '{"__proto__":{"id":"smuggled"},"type":"pump"}',
  )
  expect(await sync.run()).toMatchObject({ failed: 1 })
  expect(attributes()).toEqual({
    ['__proto__']: '{"__proto__":[1],"constructor":1,"valueOf":2}',
    constructor: '{}',
  })
  expect(Object.keys(attributes()).sort()).toEqual(['__proto__', 'constructor'])
  expect(texts('select from_id, type, to_id from relations')).toEqual(['__proto__ __proto__ constructor'])
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  expect(await sync.verify()).toMatchObject({ equal: true, unusable: 1 })
})

test('an instant is milliseconds or ISO 8601, in UTC unless it says otherwise; whatever else looks like a date is none', () => {
  const at = (modifiedAt: unknown) => (checkRecord({ id: 'a', modifiedAt }) as { modifiedAt: number }).modifiedAt
  const noon = Date.UTC(2026, 0, 2, 12)
  const texts = ['2026-01-02T12:00:00Z', '2026-01-02T20:00:00.000+08:00', '2026-01-02 12:00', '2026-01-02T12:00:00+00']
  for (const text of [...texts, '2026-01-02T20:00+0800', noon, new Date(noon)]) expect(at(text), `${text}`).toBe(noon)
  expect(at('2026-01-02')).toBe(Date.UTC(2026, 0, 2))
  expect(at('+010000-01-01T00:00:00Z')).toBe(Date.UTC(10_000, 0, 1))
  expect([at(0), at(-1), at(8.64e15)]).toEqual([0, -1, 8.64e15])
  const none = ['pump 7', '1', 'foo 2001', '01/02/2026', 'Jan 2 2026', '2026-13-45', '-4000-01-01', '2026', '', ' ']
  for (const given of [...none, 8.64e15 + 1, -9e15, 1e300, Number.NaN, true, {}, [noon], new Date(Number.NaN)])
    expect(() => at(given), `${given}`).toThrow('no instant')
})

test('ids of all planes, as numbers and as texts, are each their own; what is none is told', async () => {
  const { sync, write, texts } = scene({ batchSize: 3 })
  const ids = [
    '😀',
    'ｱ',
    '中',
    'é',
    'e\u0301',
    ' ',
    '\u200b',
    '7',
    '07',
    '\u{10ffff}',
    'a\tb',
    '"',
    '\\',
    'x'.repeat(1024),
  ]
  write(
    ...ids.map(id => ({ id, ownerId: '😀' })),
    { id: 7, name: 'the same as "7"' },
    { id: -0, ownerId: 12 },
    ...[1.5, true, ['a'], {}, null, '', 'x'.repeat(1025), '中'.repeat(342), 'a\0b', '\ud83d'].map(id => ({ id })),
  )
  expect(await sync.run()).toMatchObject({ total: 26, inserted: 15, failed: 10, deleted: 0 })
  expect(texts('select id from elements')).toEqual(expect.arrayContaining([...ids, '0']))
  expect(texts("select name from elements where id = '7'")).toEqual(['the same as "7"'])
  expect(await sync.run()).toMatchObject({ inserted: 0, failed: 10, deleted: 0 })
  expect(await sync.verify()).toMatchObject({ equal: true, unusable: 10 })
})

test('for one id the last record counts, in a batch and across batches, also where it was deleted in between', async () => {
  for (const batchSize of [1, 2, 100]) {
    const { sync, write, attributes } = scene({ batchSize })
    write(
      { id: 'a', attributes: { n: 1 } },
      { id: 'b' },
      { from: 'b', type: 'feeds', to: 'b' },
      { id: 'a', attributes: { n: 2 } },
      { from: 'b', type: 'feeds', to: 'b' },
      { id: 'a', deleted: true },
      { id: 'a', attributes: { n: 3 } },
      { element: 'a', attributes: { m: 4 } },
      { id: 'c' },
      { id: 'c', deleted: true },
    )
    for (let run = 0; run < 2; run++) {
      expect(await sync.run(), `batches of ${batchSize}`).toMatchObject({ state: 'completed', failed: 0 })
      expect(attributes()).toEqual({ a: '{"m":4,"n":3}', b: '{}' })
      expect(await sync.verify()).toMatchObject({ missing: 0, extra: 0, different: 0 })
    }
  }
})

test('an attribute record for no element is told, also one that comes too early; relations to nowhere wait, rings stay', async () => {
  const { sync, write, attributes, texts } = scene({ batchSize: 1 })
  write(
    { element: 'late', attributes: { early: 1 } },
    { element: 'never', attributes: { a: 1 } },
    { from: 'ring', type: 'feeds', to: 'ring' },
    { from: 'ring', type: 'feeds', to: 'nowhere' },
    { from: 'nowhere', type: 'feeds', to: 'nobody' },
    { id: 'late', attributes: { a: 1 } },
    { id: 'ring', ownerId: 'ring' },
    { from: 'ring', type: 'feeds' },
  )
  expect(await sync.run()).toMatchObject({ inserted: 5, failed: 3, pending: 3 })
  expect(attributes()).toEqual({ late: '{"a":1}', ring: '{}' })
  expect(texts('select from_id, to_id, owner_id from relations, elements where id = from_id')).toEqual([
    'ring ring ring',
  ])
  expect(texts('select from_id, to_id from hotwell_pending order by 1')).toEqual(['nowhere nobody', 'ring nowhere'])
  expect(texts(letters)).toEqual([
    'attributes late There is no such element of this sync.',
    'attributes never There is no such element of this sync.',
    'cycle ring Its owners go round in a circle: ring → ring. It was copied as it is.',
    'relation ring feeds (none) Its to is missing; it has to be a text.',
  ])
})

test('what is too large or nested too deeply costs that record, and memory for no more than one', async () => {
  const { sync, write, texts } = scene({ maxRecordMegabytes: 1 })
  const nested = (levels: number) => `${'{"x":['.repeat(levels)}1${']}'.repeat(levels)}`
  write(
    `{"id":"line","attributes":{"text":"${'x'.repeat(20 * 2 ** 20)}"}}`,
    { id: 'record', attributes: { list: Array.from({ length: 40 }, () => 'y'.repeat(30_000)) } },
    `{"id":"deep","attributes":${nested(60)}}`,
    `{"id":"deeper","attributes":${nested(50_000)}}`,
    `{"id":"deepest","attributes":${'['.repeat(1_000_000)}`,
    { id: 'name', name: 'n'.repeat(2 ** 20 + 1) },
    { id: 'many', attributes: Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`a${n}`, n])) },
    { id: 'good', attributes: { text: 'z'.repeat(1_000_000) } },
    `{"id":"flat","attributes":${nested(49)}}`,
  )
  expect(await sync.run()).toMatchObject({ total: 9, inserted: 3, failed: 6 })
  expect(texts('select id from elements order by id')).toEqual(['flat', 'good', 'many'])
  expect(texts(letters).map(text => text.slice(0, 80))).toEqual([
    expect.stringMatching(/^element deep .*deeper than 100 levels/),
    expect.stringMatching(/^element deeper .*deeper than 100 levels/),
    expect.stringMatching(/^element name It has about 1048577 bytes/),
    expect.stringMatching(/^element record It has about 12000\d\d bytes/),
    expect.stringMatching(/^unreadable line 1 It has 209715\d\d bytes/),
    expect.stringMatching(/^unreadable line 5 It is no JSON/),
  ])
})

test('a file that grows, shrinks, is rewritten, replaced, or deleted while it is read: what is copied is one state of it', async () => {
  const count = 30_000
  const content = (name: string, lines = count) =>
    Array.from(
      { length: lines },
      (_, n) => `${JSON.stringify({ id: `e${n}`, name, attributes: { text: 'x'.repeat(60) } })}\n`,
    ).join('')
  const cases: Record<string, [(path: string) => void, string[]]> = {
    grows: [path => writeFileSync(path, '{"id":"new","name":"old"}\n', { flag: 'a' }), [`old ${count}`]],
    shrinks: [path => writeFileSync(path, content('new', 3000)), ['new 3000']],
    'is rewritten': [path => writeFileSync(path, content('new')), [`new ${count}`]],
    'is replaced': [path => rename(path, content('new')), [`old ${count}`]],
    'is deleted': [path => rmSync(path), [`old ${count}`]],
    'is emptied': [path => writeFileSync(path, ''), []],
  }
  for (const [what, [change, expected]] of Object.entries(cases)) {
    const { sync, path, texts } = scene({ deleteGuard: { fraction: 1 } })
    writeFileSync(path, content('old'))
    let pages = 0
    sync.on('page.read', () => void (++pages === 3 && change(path)))
    const end = await sync.run().then(
      ({ state }) => state,
      ({ code }) => code,
    )
    // Half of it has been written by then: a source with nothing in it deletes nothing.
    expect(end, what).toBe(what === 'is emptied' ? 'deletes_refused' : 'completed')
    if (what !== 'is emptied')
      expect(texts('select name, count(*) from elements group by name'), what).toEqual(expected)
  }
}, 60_000)

function rename(path: string, content: string): void {
  writeFileSync(`${path}.new`, content)
  rmSync(path)
  execFileSync('mv', [`${path}.new`, path])
}

test('a file that cannot be read any more in its middle is a source that failed, and says which file and why', async () => {
  // Whoever reads it gets an error, although it can be opened and has a size.
  const unreadable = '/sys/class/net/lo/speed'
  const isThere = existsSync(unreadable)
  const { folder } = scene()
  const path = isThere ? unreadable : folder
  const reading = jsonl(path).read({ filter: {}, pageRecords: 1, pageBytes: 1, signal: new AbortController().signal })
  await expect(reading[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'source_failed',
    retryable: isThere,
    message: expect.stringContaining(path),
  })
})

test('a named pipe is refused at once, and not waited for', async () => {
  const { sync, path } = scene()
  execFileSync('mkfifo', [path])
  await expect(sync.run()).rejects.toMatchObject({
    code: 'source_failed',
    message: expect.stringContaining('no ordinary file'),
  })
})

test('numbers of an SQLite source that JSON does not know are kept as texts', async () => {
  const { folder, database } = scene()
  const from = join(folder, 'from.db')
  const file = new DatabaseSync(from)
  file.exec(`create table elements (id text primary key, flow, attributes text);
    insert into elements values ('a', 9e999, '{"n":12345678901234567890}')`)
  file.close()
  const copy = async (columns?: object) => {
    const sync = createSync({
      name: 'plant',
      source: sqliteSource(from, { columns, relations: false }),
      target: sqlite(database),
    })
    await sync.run()
    await sync.close()
    const to = new DatabaseSync(database)
    onTestFinished(() => to.close())
    return to.prepare('select attributes from elements').get()!.attributes
  }
  expect(await copy()).toBe('{"n":"12345678901234567890"}')
  expect(await copy({ attributes: ['flow'] })).toBe('{"flow":"Infinity"}')
})

test('an SQLite source of what is no file, no database or lacks its table says so at once', async () => {
  const { folder, path, database, write } = scene()
  write('this is a letter, and no database at all'.repeat(100))
  new DatabaseSync(database).close()
  const copy = (from: string) =>
    createSync({ name: 'plant', source: sqliteSource(from), target: sqlite(join(folder, 'to.db')) }).run()
  const cases = [
    [folder, 'source_failed', 'is no ordinary file'],
    [join(folder, 'nothing.db'), 'source_failed', 'There is no file'],
    [path, 'source_failed', 'is not an SQLite database'],
    [database, 'invalid_configuration', 'no such table: elements'],
  ] as const
  for (const [from, code, message] of cases)
    await expect(copy(from), from).rejects.toMatchObject({
      code,
      retryable: false,
      message: expect.stringContaining(message),
    })
  for (const none of [undefined, '', 7])
    for (const make of [sqliteSource, jsonl]) expect(() => make(none as string)).toThrow('needs the path of its file')
})

test('rows of an SQLite source that are no records cost these rows: no id, doubles, attributes that are none', async () => {
  const { folder, database } = scene()
  const from = join(folder, 'from.db')
  const file = new DatabaseSync(from)
  file.exec(`create table elements (id, name, attributes, modified_at);
    insert into elements (id, name) values (null, 'none'), ('', 'empty'), ('a', 'first'), ('a', 'last'), (7, 'a number');
    insert into elements (id, attributes) values ('bad', '{bad'), ('list', '[1]'), ('null', 'null');
    insert into elements (id, modified_at) values ('late', 1e300), ('word', 'yesterday'), ('day', '2026-01-01 12:00:00')`)
  file.close()
  const sync = createSync({ name: 'plant', source: sqliteSource(from), target: sqlite(database) })
  onTestFinished(() => sync.close())
  for (let run = 0; run < 2; run++) expect(await sync.run()).toMatchObject({ total: 11, failed: 6, deleted: 0 })
  const to = new DatabaseSync(database)
  onTestFinished(() => to.close())
  const rows = to.prepare('select id, name, modified_at as at from elements order by id').all()
  expect(rows.map(({ id }) => id)).toEqual(['7', 'a', 'day', 'null'])
  expect(rows.find(({ id }) => id === 'day')!.at).toBe(Date.UTC(2026, 0, 1, 12))
})
