/** What was written, in parts, and the rows that cannot be. */
export interface Bisected<Row, Part> {
  readonly written: readonly Part[]
  readonly refused: readonly { readonly row: Row; readonly reason: string }[]
}

/**
 * Finds the rows that a database cannot take, by halves, and writes all others. `write`: as a whole or not at all, what
 * failed has left nothing behind. `reasonOf`: why a record is at fault; undefined for errors that are not a record's.
 */
export async function bisectRows<Row, Part>(
  rows: readonly Row[],
  write: (rows: readonly Row[]) => Promise<Part>,
  reasonOf: (error: unknown) => string | undefined,
): Promise<Bisected<Row, Part>> {
  if (rows.length === 0) return { written: [], refused: [] }
  try {
    return { written: [await write(rows)], refused: [] }
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === undefined) throw error
    if (rows.length === 1) return { written: [], refused: [{ row: rows[0]!, reason }] }
    const middle = rows.length >> 1
    const first = await bisectRows(rows.slice(0, middle), write, reasonOf)
    const second = await bisectRows(rows.slice(middle), write, reasonOf)
    return { written: [...first.written, ...second.written], refused: [...first.refused, ...second.refused] }
  }
}
