import { CompiledQuery, type Kysely, sql } from 'kysely'
import { type AcquisitionRow, acquisitionColumns } from './acquisition-row.ts'

/** Rows of one statement: more gain little over ten. */
const rowsPerStatement = 10

/** Inserts rows; one that is there already is left alone, because a batch may be sent again after a lost answer. */
export async function insertAcquisitions(database: Kysely<unknown>, rows: readonly AcquisitionRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    const some = rows.slice(start, start + rowsPerStatement)
    await database.executeQuery(CompiledQuery.raw(insertOf(some.length), some.flat()))
  }
}

const inserts: string[] = []

/** Written once and by hand: compiling the same statement for every ten rows would cost more than running it. */
function insertOf(count: number): string {
  const columns = acquisitionColumns.map(column => `"${column}"`).join(', ')
  const row = `(${acquisitionColumns.map(() => '?').join(', ')})`
  inserts[count] ??=
    `insert into acquisitions (${columns}) values ${Array(count).fill(row).join(', ')} ` +
    'on conflict (finished_at, id) do nothing'
  return inserts[count]
}

/** Deletes at most `limit` records that finished before that instant, the oldest first, and returns how many. */
export async function deleteBefore(database: Kysely<unknown>, beforeAt: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from acquisitions where (finished_at, id) in (
      select finished_at, id from acquisitions where finished_at < ${beforeAt} order by finished_at, id limit ${limit}
    )`.execute(database)
  return Number(numAffectedRows)
}
