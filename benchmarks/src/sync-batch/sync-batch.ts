import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BatchBuffer, BatchTransaction, elementRow, type SyncRecord, type TargetConnection } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'
import { plantElement } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, type BenchmarkResult, type Figure, figure } from '../harness/result.ts'
import { median, shuffled } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'

const rounds = 9
const count = 20_000
const sizes = [1, 10, 100, 1000, 5000]
/** What the target prefers. */
const preferred = 1000

interface Written {
  readonly perSecond: number
  readonly transactions: number
}

/** Batches beside single records, through the same transactions into the same SQLite target. */
export async function syncBatch(): Promise<BenchmarkResult> {
  const elements = Array.from({ length: count }, (_, number) => plantElement(number))
  const ways = new Map<string, (path: string) => Promise<Written>>()
  for (const size of sizes) ways.set(nameOf(size), path => inTransactions(path, elements, size))
  ways.set('a BatchBuffer of 1,000 before the transactions', path => throughBuffer(path, elements))
  ways.set('all kinds in batches of 1,000', path => inTransactions(path, allKinds(), preferred))
  ways.set('one prepared INSERT a record, without hash or ledger', path => rawInserts(path))
  const samples = new Map<string, Written[]>(Array.from(ways.keys(), name => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    for (const [name, way] of shuffled([...ways])) {
      await using folder = await temporaryFolder()
      globalThis.gc?.()
      const written = await way(join(folder.path, 'plant.db'))
      // The first round is for the compiler.
      if (round > 0) samples.get(name)!.push(written)
    }
  }
  const of = (name: string) => samples.get(name)!.map(({ perSecond }) => perSecond)
  const single = of(nameOf(1))
  const ratio = (name: string) => median(of(name).map((perSecond, round) => perSecond / single[round]!))
  const transactions = (name: string) => samples.get(name)![0]!.transactions
  const fewer = (name: string) => 1 - transactions(name) / transactions(nameOf(1))
  const figures: Figure[] = []
  for (const name of ways.keys()) {
    const peer = name === nameOf(1) ? undefined : `${ratio(name).toFixed(2)} × single`
    const limit = name === nameOf(preferred) ? { limit: '≥ 6 × single' } : {}
    figures.push(figure(`records written: ${name}`, median(of(name)), '/s', { samples: of(name), peer, ...limit }))
  }
  for (const size of sizes)
    figures.push(
      figure(`transactions for ${count.toLocaleString('en-US')}: ${nameOf(size)}`, transactions(nameOf(size)), '', {
        peer: size === 1 ? undefined : `${(100 * fewer(nameOf(size))).toFixed(2)} % fewer`,
        ...(size === preferred && { limit: '≥ 99 % fewer' }),
      }),
    )
  return {
    name: 'sync-batch',
    figures,
    goals: [
      atLeast('batches of 1,000 ÷ single records', ratio(nameOf(preferred)), 6),
      atLeast('fewer transactions with batches of 1,000, share', fewer(nameOf(preferred)), 0.99),
      atLeast('fewer transactions with batches of 100, share', fewer(nameOf(100)), 0.99),
    ],
  }
}

function nameOf(size: number): string {
  return size === 1 ? 'single records' : `batches of ${size.toLocaleString('en-US')}`
}

/** Seven elements, two relations and a change of attributes of every ten. */
function allKinds(): SyncRecord[] {
  return Array.from({ length: count }, (_, number): SyncRecord => {
    const [kind, first] = [number % 10, number - (number % 10)]
    if (kind < 7) return plantElement(number)
    if (kind < 9) return { from: plantElement(first).id, type: 'feeds', to: plantElement(first + kind - 6).id }
    return { element: plantElement(first).id, attributes: { status: 'revised', material: null } }
  })
}

async function inTransactions(path: string, records: readonly SyncRecord[], size: number): Promise<Written> {
  return measured(path, async connection => {
    for (let first = 0; first < count; first += size) {
      const transaction = new BatchTransaction(connection)
      for (let number = first; number < Math.min(count, first + size); number++) transaction.put(records[number]!)
      await transaction.commit()
    }
  })
}

async function throughBuffer(path: string, records: readonly SyncRecord[]): Promise<Written> {
  return measured(path, async connection => {
    await using buffer = new BatchBuffer({
      flush: async ({ elements, attributes, relations }) => {
        const transaction = new BatchTransaction(connection)
        for (const record of [...elements, ...attributes, ...relations]) transaction.put(record)
        await transaction.commit()
      },
      elements: preferred,
      flushAt: 1,
    })
    for (const record of records) await buffer.add(record)
  })
}

async function measured(path: string, work: (connection: TargetConnection) => Promise<void>): Promise<Written> {
  const connection = await sqlite(path).connect('plant')
  try {
    let transactions = 0
    const counting = new Proxy(connection, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...given: unknown[]) => unknown
        if (name === 'transaction') transactions++
        return method.bind(target)
      },
    })
    const startedAt = performance.now()
    await work(counting)
    const perSecond = (count / (performance.now() - startedAt)) * 1000
    const there = await connection.countOwn()
    if (there < 0.8 * count) throw new Error(`Only ${there} records were written.`)
    return { perSecond, transactions }
  } finally {
    await connection.close()
  }
}

/** What SQLite itself takes for single records: same columns and durability, a commit each. */
async function rawInserts(path: string): Promise<Written> {
  await (await sqlite(path).connect('plant')).close()
  const database = new DatabaseSync(path)
  try {
    database.exec('pragma synchronous = normal')
    const insert = database.prepare('insert into elements values (?, ?, ?, ?, ?, ?, ?, ?)')
    const rows = Array.from({ length: count }, (_, number) => elementRow(plantElement(number)))
    const startedAt = performance.now()
    for (const { id, type, name, ownerId, attributes, modifiedAt, hash } of rows)
      insert.run(id, type, name, ownerId, attributes, modifiedAt, 'plant', hash)
    return { perSecond: (count / (performance.now() - startedAt)) * 1000, transactions: count }
  } finally {
    database.close()
  }
}
