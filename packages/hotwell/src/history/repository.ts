import { type Kysely, sql } from 'kysely'
import { acquisitionColumns } from './acquisition-row.ts'

/** Inserts one row; one that is there already is left alone, because a batch may be sent again after a lost answer. */
export const insertAcquisition =
  `insert into acquisitions (${acquisitionColumns.map(column => `"${column}"`).join(', ')}) ` +
  `values (${acquisitionColumns.map(() => '?').join(', ')}) on conflict (finished_at, id) do nothing`

/** Deletes at most `limit` records that finished before that instant, the oldest first, and returns how many. */
export async function deleteBefore(database: Kysely<unknown>, beforeAt: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from acquisitions where (finished_at, id) in (
      select finished_at, id from acquisitions where finished_at < ${beforeAt} order by finished_at, id limit ${limit}
    )`.execute(database)
  return Number(numAffectedRows)
}
