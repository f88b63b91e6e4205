import type { DeadLetter, ElementRow } from '../../model/rows.ts'
import type { Written } from './sql-transaction.ts'

export interface BisectOptions {
  /** Writes rows as a whole or not at all: what failed has left nothing behind. */
  readonly write: (rows: readonly ElementRow[]) => Promise<Written>
  /** Why a record is at fault; undefined for errors that are not a record's. */
  readonly reasonOf: (error: unknown) => string | undefined
}

/** Finds the rows that a database cannot take, by halves, and writes all others. */
export async function bisect(rows: readonly ElementRow[], options: BisectOptions): Promise<Written> {
  try {
    return await options.write(rows)
  } catch (error) {
    const reason = options.reasonOf(error)
    if (reason === undefined) throw error
    if (rows.length === 1) return { inserted: 0, updated: 0, unchanged: 0, refused: [letterOf(rows[0]!, reason)] }
    const middle = rows.length >> 1
    const first = await bisect(rows.slice(0, middle), options)
    return both(first, await bisect(rows.slice(middle), options))
  }
}

function both(one: Written, other: Written): Written {
  return {
    inserted: one.inserted + other.inserted,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    refused: [...one.refused, ...other.refused],
  }
}

const shownCharacters = 4000

function letterOf({ id, type, name, ownerId, attributes }: ElementRow, reason: string): DeadLetter {
  const record = JSON.stringify({ id, type, name, ownerId }).slice(0, -1)
  return { kind: 'element', key: id, reason, record: `${record},"attributes":${attributes}}`.slice(0, shownCharacters) }
}
