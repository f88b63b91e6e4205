import type { ElementRow } from '../../model/rows.ts'
import { bisectRows } from './bisect-rows.ts'
import type { Written } from './element-writer.ts'
import { elementLetter } from './letters.ts'

export interface BisectOptions {
  /** Writes rows as a whole or not at all: what failed has left nothing behind. */
  readonly write: (rows: readonly ElementRow[]) => Promise<Written>
  /** Why a record is at fault; undefined for errors that are not a record's. */
  readonly reasonOf: (error: unknown) => string | undefined
}

/** Finds the elements that a database cannot take, by halves, and writes all others. */
export async function bisect(rows: readonly ElementRow[], { write, reasonOf }: BisectOptions): Promise<Written> {
  const { written, refused } = await bisectRows(rows, write, reasonOf)
  const sum = (name: 'inserted' | 'updated' | 'unchanged') => written.reduce((total, part) => total + part[name], 0)
  const counts = { inserted: sum('inserted'), updated: sum('updated'), unchanged: sum('unchanged') }
  const atFault = refused.map(({ row, reason }) => elementLetter(row, reason))
  return { ...counts, refused: [...written.flatMap(part => part.refused), ...atFault] }
}
