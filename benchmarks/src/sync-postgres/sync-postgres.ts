import { join } from 'node:path'
import { type ElementRow, elementRow } from 'hotwell/sync'
import pg from 'pg'
import { startPostgres } from '../../../test/services/postgres.ts'
import { plantElement, writePlant } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, type BenchmarkResult, type Figure, figure } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import { FileSync } from './file-sync.ts'
import { dropTables, rawCopy, singleInserts } from './peers.ts'
import { type WritePath, writePath } from './write-path.ts'

const rounds = 5
const count = 200_000
const singles = 3000
const batchSizes = [10, 100, 1000, 5000] as const
/** So many rows of each batch size: small ones take as long for far fewer. */
const rowsOf = { 10: 10_000, 100: 50_000, 1000: count, 5000: count } as const
/** As a sync makes them. */
const usualBatch = 5000
const lanes = [1, 2] as const

/** Rows a second into PostgreSQL beside one raw COPY of the same rows into the same table, in the same round. */
export async function syncPostgres(): Promise<BenchmarkResult> {
  await using service = await startPostgres({ settings: ['shared_buffers=512MB', 'max_wal_size=8GB'] })
  const database = await service.database()
  const pool = new pg.Pool({ connectionString: database.connectionString })
  await using files = await temporaryFolder()
  const file = join(files.path, 'plant.jsonl')
  await writePlant(file, count)
  const fileSync = new FileSync({ file, connectionString: database.connectionString })
  const samples = new Map<string, number[]>()
  const trips = new Map<number, number>()
  const add = (name: string, perSecond: number) => samples.set(name, [...(samples.get(name) ?? []), perSecond])
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    // Without the rows of the others in memory: clearing up goes through them as well.
    globalThis.gc?.()
    await dropTables(pool)
    const measured = new Map([['file', count / (await fileSync.run())], ...(await fromMemory(pool, trips))])
    // The first round is for the compiler.
    if (round > 0) for (const [name, value] of measured) add(name, value)
  }
  await fileSync.close()
  await pool.end()
  await database.drop()
  return resultOf(samples, trips)
}

/** What writes rows that are there already. */
async function fromMemory(pool: pg.Pool, trips: Map<number, number>): Promise<Map<string, number>> {
  const rows = elementRows(0)
  const changed = elementRows(1)
  const measured = new Map<string, number>([['raw', await rawCopy(pool, rows)]])
  for (const at of lanes) for (const [name, took] of await shapes(pool, rows, changed, at)) measured.set(name, took)
  measured.set('single', await singleInserts(pool, rows.slice(0, singles)))
  for (const size of batchSizes) {
    await dropTables(pool)
    const { perSecond, tripsPerRow } = await writePath(pool, rows.slice(0, rowsOf[size]), { lanes: 1, size })
    measured.set(`batches of ${size}`, perSecond)
    trips.set(size, tripsPerRow)
  }
  return measured
}

function elementRows(version: number): ElementRow[] {
  return Array.from({ length: count }, (_, number) => {
    const row = elementRow(plantElement(number, version))
    // A text that was put together is written faster once it was read: all are measured alike.
    return { ...row, attributes: Buffer.from(row.attributes).toString() }
  })
}

/** What a batch may be: all new, in an empty table and in a full one; a part of it; nothing. */
async function shapes(pool: pg.Pool, rows: readonly ElementRow[], changed: readonly ElementRow[], lanes: 1 | 2) {
  const measured = new Map<string, number>()
  const measure = async (name: string, given: readonly ElementRow[]) => {
    const options: WritePath = { lanes, size: usualBatch }
    measured.set(`${name}, ${lanes}`, (await writePath(pool, given, options)).perSecond)
  }
  await dropTables(pool)
  await measure('empty', rows)
  await measure('unchanged', rows)
  const tenth = rows.map((row, index) => (index % 10 === 0 ? changed[index]! : row))
  await measure('a tenth changed', tenth)
  await measure(
    'all changed',
    changed.map((row, index) => (index % 10 === 0 ? rows[index]! : row)),
  )
  // A run that finds every hundredth of its rows there, and the others not.
  await pool.query('truncate elements')
  await writePath(
    pool,
    rows.filter((_, index) => index % 100 === 0),
    { lanes: 1, size: usualBatch },
  )
  await measure('merge', rows)
  return measured
}

function resultOf(samples: ReadonlyMap<string, number[]>, trips: ReadonlyMap<number, number>): BenchmarkResult {
  const perSecond = (name: string) => median(samples.get(name)!)
  const ratio = (name: string, to = 'raw') =>
    median(samples.get(name)!.map((one, index) => one / samples.get(to)![index]!))
  const line = (text: string, name: string, limit?: string): Figure =>
    figure(text, perSecond(name), 'rows/s', {
      peer: `${ratio(name).toFixed(2)} × raw`,
      samples: samples.get(name)!,
      ...(limit && { limit }),
    })
  const fewerTrips = (size: number) => (1 - trips.get(size)!) * 100
  return {
    name: 'sync-postgres',
    figures: [
      figure('raw: one binary COPY, one transaction, no position', perSecond('raw'), 'rows/s', {
        samples: samples.get('raw')!,
      }),
      line('empty table, one connection', 'empty, 1', '≥ 0.9 × raw'),
      line('empty table, two connections', 'empty, 2'),
      line('merge of new rows among others, one connection', 'merge, 1', '≥ 0.55 × raw'),
      line('merge of new rows among others, two connections', 'merge, 2', '≥ 0.8 × raw'),
      line('a tenth of the rows differs, one connection', 'a tenth changed, 1'),
      line('a tenth of the rows differs, two connections', 'a tenth changed, 2'),
      line('every row differs, one connection', 'all changed, 1'),
      line('every row differs, two connections', 'all changed, 2'),
      line('nothing differs, one connection', 'unchanged, 1', '≥ 1.0 × raw'),
      line('nothing differs, two connections', 'unchanged, 2'),
      line('JSONL to PostgreSQL: parse, hash, filter, write, position', 'file', '≥ 0.65 × raw'),
      figure('one INSERT a record', perSecond('single'), 'rows/s', { samples: samples.get('single')! }),
      ...batchSizes.map(size =>
        figure(`batches of ${size}, one connection`, perSecond(`batches of ${size}`), 'rows/s', {
          peer: `${ratio(`batches of ${size}`, 'single').toFixed(1)} × one INSERT a record, ${fewerTrips(size).toFixed(1)} % fewer round trips`,
          samples: samples.get(`batches of ${size}`)!,
        }),
      ),
    ],
    goals: [
      atLeast('empty table ÷ raw, one connection', ratio('empty, 1'), 0.9),
      atLeast('merge ÷ raw, one connection', ratio('merge, 1'), 0.55),
      atLeast('merge ÷ raw, two connections', ratio('merge, 2'), 0.8),
      atLeast('nothing differs ÷ raw', ratio('unchanged, 1'), 1),
      atLeast('JSONL to PostgreSQL ÷ raw', ratio('file'), 0.65),
      atLeast('batches of 5,000 ÷ one INSERT a record', ratio(`batches of ${usualBatch}`, 'single'), 40),
      atLeast('% fewer round trips with batches of 1,000', fewerTrips(1000), 99),
    ],
  }
}
