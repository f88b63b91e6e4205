import type { AcquisitionRecord } from 'hotwell'
import type { History, HistoryPage, SearchOptions } from 'hotwell/history'
import { assertCoversAll, type Caller } from './access.ts'

/** So often the history is read for one page: a caller who may see little of much gets short pages. */
const mostReadings = 20

/**
 * A page of those records that the caller's patterns cover. It may be shorter than asked for, even empty, while there
 * are older ones.
 */
export async function coveredRecords(history: History, caller: Caller, options: SearchOptions): Promise<HistoryPage> {
  if (caller.coversAll('')) return history.search(options)
  const { limit = 50 } = options
  const records: AcquisitionRecord[] = []
  let { cursor } = options
  for (let reading = 0; reading < mostReadings; reading++) {
    // Never more than fit: the cursor is that of the last record read.
    const page = await history.search({ ...options, cursor, limit: limit - records.length })
    records.push(...page.records.filter(({ ref }) => caller.covers(ref)))
    cursor = page.nextCursor
    if (cursor === undefined || records.length === limit) break
  }
  return cursor === undefined ? { records } : { records, nextCursor: cursor }
}

/**
 * Refuses figures over records that the caller may not see.
 * @throws RequestRefused `forbidden`
 */
export function assertCoversFigures(
  caller: Caller,
  { site, kind, account }: { site?: string; kind?: string; account?: string },
): void {
  if (site === undefined || account === undefined || kind === undefined) {
    assertCoversAll(caller, site === undefined ? '' : kind === undefined ? `${site}/` : `${site}/${kind}/`)
    return
  }
  const ref = `${site}/${kind}/${encodeURIComponent(account)}`
  if (!caller.covers(ref)) assertCoversAll(caller, ref)
}
