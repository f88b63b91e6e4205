import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { jsonl } from 'hotwell/sources/jsonl'
import {
  type Batch,
  createSync,
  type Element,
  type ElementRow,
  elementRow,
  runLane,
  type TargetConnection,
} from 'hotwell/sync'
import { type SqliteTargetOptions, sqlite } from 'hotwell/targets/sqlite'
import { plantElement, writePlant } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, type BenchmarkResult, figure } from '../harness/result.ts'
import { median, quantile } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'

const rounds = 7
const count = 200_000
const batchSize = 1000

/** Rows a second into SQLite: the write path and the whole way from a file, beside one raw transaction. */
export async function syncSqlite(): Promise<BenchmarkResult> {
  const samples: Record<string, number[]> = {}
  await using files = await temporaryFolder()
  const source = join(files.path, 'plant.jsonl')
  await writePlant(source, count)
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    await using folder = await temporaryFolder()
    const measured = {
      ...(await writePaths(folder.path)),
      ...(await endsToEnd(source, folder.path, round)),
      parts: parts(source, join(folder.path, 'parts.db')),
    }
    // The first round is for the compiler.
    if (round > 0) for (const [name, value] of Object.entries(measured)) (samples[name] ??= []).push(value)
  }
  const ratios = (name: string) => samples[name]!.map((value, index) => value / samples.raw![index]!)
  const ratio = (name: string) => median(ratios(name))
  const line = (text: string, name: string, limit?: string) => {
    const peer = `${ratio(name).toFixed(2)} × raw (${quartiles(ratios(name))})`
    const beside = { peer, ...(limit && { limit }), samples: samples[name]! }
    return figure(text, median(samples[name]!), 'rows/s', beside)
  }
  const shares = samples.alone!.map((value, index) => value / samples.parts![index]!)
  const gains = samples.file!.map((value, index) => value / samples.alone![index]!)
  return {
    name: 'sync-sqlite',
    figures: [
      figure('raw: one transaction, no journal, no position', median(samples.raw!), 'rows/s', {
        samples: samples.raw!,
      }),
      line('write path, new rows', 'first', '≥ 0.8 × raw'),
      line('write path, every row differs', 'changed'),
      line('write path, nothing differs', 'unchanged'),
      line('write path, new rows, by another thread that is waited for', 'thread'),
      line('JSON.parse, canonical JSON, SHA-256, then the raw insert: what one thread can do at most', 'parts'),
      line('JSONL to SQLite: parse, hash, filter, write, position; a thread writes', 'file', '0.45 × raw'),
      line('the same, all by one thread', 'alone', '≥ 0.65 × the most'),
      figure('JSONL to SQLite: all by one thread ÷ the most it can do', median(shares), 'x', { samples: shares }),
      figure('JSONL to SQLite: with a thread that writes ÷ all by one', median(gains), 'x', { samples: gains }),
    ],
    goals: [
      atLeast('write path ÷ raw', ratio('first'), 0.8),
      // 0.45 × raw is out of reach while the parts by themselves take more than that.
      atLeast('JSONL to SQLite by one thread ÷ the most it can do', median(shares), 0.65),
    ],
  }
}

async function writePaths(folder: string) {
  const path = join(folder, 'plant.db')
  const rows = Array.from({ length: count }, (_, number) => elementRow(plantElement(number)))
  const changed = Array.from({ length: count }, (_, number) => elementRow(plantElement(number, 1)))
  return {
    raw: raw(join(folder, 'raw.db'), rows),
    first: await writePath(path, rows),
    changed: await writePath(path, changed),
    unchanged: await writePath(path, changed),
    thread: await writePath(join(folder, 'thread.db'), rows, { thread: true }),
  }
}

/** In turns first and second, and without the rows of the others in memory: clearing up goes through them as well. */
async function endsToEnd(source: string, folder: string, round: number) {
  const measured: Record<string, number> = {}
  const ways: [string, SqliteTargetOptions][] = [
    ['file', { thread: 'auto' }],
    ['alone', { thread: false }],
  ]
  for (const [name, options] of round % 2 === 0 ? ways : ways.reverse()) {
    measured[name] = await endToEnd(source, join(folder, `${name}.db`), options)
  }
  return measured
}

const quartiles = (values: readonly number[]) =>
  [0.25, 0.75].map(share => quantile(values, share).toFixed(2)).join(' to ')

const seconds = (startedAt: number) => (performance.now() - startedAt) / 1000

/** What SQLite can do at most: nothing durable, nothing remembered, the same columns. */
function raw(path: string, rows: readonly ElementRow[]): number {
  globalThis.gc?.()
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode = off; pragma synchronous = off')
  database.exec(`create table elements (id text primary key not null, type text not null, name text not null,
    owner_id text, attributes text not null, modified_at integer, origin text not null, hash text not null)`)
  const insert = database.prepare(`insert into elements values ${new Array(10).fill('(?,?,?,?,?,?,?,?)').join(', ')}`)
  const startedAt = performance.now()
  database.exec('begin')
  const values: SQLInputValue[] = []
  for (let first = 0; first < rows.length; first += 10) {
    values.length = 0
    for (let index = first; index < first + 10; index++) {
      const { id, type, name, ownerId, attributes, modifiedAt, hash } = rows[index]!
      values.push(id, type, name, ownerId, attributes, modifiedAt, 'plant', hash)
    }
    insert.run(...values)
  }
  database.exec('commit')
  const took = seconds(startedAt)
  database.close()
  return rows.length / took
}

/** What a file's way to the rows consists of, with nothing in between: no pages, no batches, no position. */
function parts(source: string, path: string): number {
  const lines = readFileSync(source, 'utf8').split('\n').slice(0, -1)
  globalThis.gc?.()
  const startedAt = performance.now()
  const rows = lines.map(line => elementRow(JSON.parse(line) as Element))
  const took = seconds(startedAt)
  return count / (took + count / raw(path, rows))
}

async function writePath(
  path: string,
  rows: readonly ElementRow[],
  options: SqliteTargetOptions = {},
): Promise<number> {
  globalThis.gc?.()
  const connection: TargetConnection = await sqlite(path, options).connect('plant')
  try {
    await connection.claim()
    await connection.transaction(runLane, transaction => transaction.makeLanes(1))
    const empty = { attributes: [], deletedElements: [], relations: [], deletedRelations: [] }
    const startedAt = performance.now()
    for (let first = 0; first < rows.length; first += batchSize) {
      const batch: Batch = { ...empty, elements: rows.slice(first, first + batchSize) }
      await connection.transaction(0, async transaction => {
        await transaction.apply(batch)
        await transaction.save(0, JSON.stringify({ pass: 1, page: first }))
      })
    }
    return rows.length / seconds(startedAt)
  } finally {
    await connection.close()
  }
}

async function endToEnd(source: string, path: string, options: SqliteTargetOptions = {}): Promise<number> {
  globalThis.gc?.()
  const sync = createSync({ name: 'plant', source: jsonl(source), target: sqlite(path, options) })
  const startedAt = performance.now()
  await sync.run()
  const took = seconds(startedAt)
  await sync.close()
  return count / took
}
