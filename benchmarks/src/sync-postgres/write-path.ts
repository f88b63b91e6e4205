import { type Batch, type ElementRow, runLane } from 'hotwell/sync'
import { type PostgresPool, postgres } from 'hotwell/targets/postgres'
import type pg from 'pg'

export interface WritePath {
  readonly lanes: number
  /** Rows a transaction. */
  readonly size: number
}

/** Transactions of batches that are in memory, each with its position, as a run writes them. */
export async function writePath(
  pool: pg.Pool,
  rows: readonly ElementRow[],
  { lanes, size }: WritePath,
): Promise<{ perSecond: number; tripsPerRow: number }> {
  const counted = countingTrips(pool)
  const connection = await postgres({ pool: counted.pool, lanes }).connect('plant')
  try {
    await connection.claim()
    await connection.transaction(runLane, transaction => transaction.makeLanes(lanes))
    const batches = inBatches(rows, size)
    const before = counted.trips()
    const startedAt = performance.now()
    const written = Array.from({ length: lanes }, async (_, lane) => {
      for (let number = lane; number < batches.length; number += lanes)
        await connection.transaction(lane, async transaction => {
          await transaction.apply(batches[number]!)
          await transaction.save(lane, JSON.stringify({ pass: 1, page: number, position: `${number * size}` }))
        })
    })
    await Promise.all(written)
    const seconds = (performance.now() - startedAt) / 1000
    return { perSecond: rows.length / seconds, tripsPerRow: (counted.trips() - before) / rows.length }
  } finally {
    await connection.close()
  }
}

function inBatches(rows: readonly ElementRow[], size: number): Batch[] {
  const others = { attributes: [], deletedElements: [], relations: [], deletedRelations: [] }
  const batches: Batch[] = []
  for (let first = 0; first < rows.length; first += size)
    batches.push({ ...others, elements: rows.slice(first, first + size) })
  return batches
}

/** Each query of a client is a way to the server and back. */
function countingTrips(inner: pg.Pool): { pool: PostgresPool; trips: () => number } {
  let trips = 0
  const pool: PostgresPool = {
    options: inner.options,
    end: () => inner.end(),
    async connect() {
      const client = await inner.connect()
      return {
        query(query) {
          trips++
          return client.query(query)
        },
        release: error => client.release(error),
        on: (event, listener) => client.on(event, listener),
      }
    },
  }
  return { pool, trips: () => trips }
}
