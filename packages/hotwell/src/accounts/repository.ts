import { type Kysely, type SqlBool, sql } from 'kysely'
import type { AccountRecord, AccountRow, AccountTables, BarRow, OpenAccountRow } from './account-row.ts'

type Tables = Kysely<AccountTables>

interface Name {
  readonly site: string
  readonly account: string
}

/** As many rows as are read in a few milliseconds. */
export const pageRows = 250
const openColumns = [
  'site',
  'account',
  'username',
  'credential_id',
  'known_right',
  'doubts',
  'credential_errors',
  'successes',
  'failures',
  'last_success_at',
  'last_used_at',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof OpenAccountRow)[]

export function findAccount(kysely: Tables, site: string, account: string): Promise<AccountRow | undefined> {
  return kysely
    .selectFrom('accounts')
    .selectAll()
    .where('site', '=', site)
    .where('account', '=', account)
    .executeTakeFirst()
}

/** Of one account; undefined: there is none. */
export async function readRecord(kysely: Tables, site: string, account: string): Promise<AccountRecord | undefined> {
  return (await readRecords(kysely, { site, accounts: [account] }))[0]
}

/**
 * A page of accounts in order of site and account: those that come `after` one, or
 * those of the `accounts`, at most a page, that are there.
 */
export async function readRecords(
  kysely: Tables,
  { site, after, accounts }: { site?: string; after?: Name; accounts?: readonly string[] } = {},
): Promise<AccountRecord[]> {
  const rows: OpenAccountRow[] = await kysely
    .selectFrom('accounts')
    .select(openColumns)
    .$if(site !== undefined, query => query.where('site', '=', site!))
    .$if(accounts !== undefined, query => query.where('account', 'in', accounts!))
    .$if(after !== undefined, query => query.where(sql<SqlBool>`(site, account) > (${after!.site}, ${after!.account})`))
    .orderBy('site')
    .orderBy('account')
    .limit(accounts?.length ?? pageRows)
    .execute()
  const ids = rows.map(row => row.credential_id)
  const tries = await kysely
    .selectFrom('account_reservations')
    .select(['credential_id', 'reserved_at'])
    .where('credential_id', 'in', ids)
    .execute()
  const byCredential = Map.groupBy(tries, ({ credential_id }) => credential_id)
  return rows.map(row => ({
    row,
    reservedAts: byCredential.get(row.credential_id)?.map(({ reserved_at }) => reserved_at) ?? [],
  }))
}

/** Those that are over included. */
export function readBars(kysely: Tables, { site, account }: Name): Promise<BarRow[]> {
  return kysely
    .selectFrom('account_bars')
    .selectAll()
    .where('site', '=', site)
    .where('account', '=', account)
    .orderBy('cause')
    .execute()
}

/** A page of the bars in order of site, account and cause, those that are over included. */
export function readBarsAfter(
  kysely: Tables,
  { site, after }: { site?: string; after?: BarRow } = {},
): Promise<BarRow[]> {
  return kysely
    .selectFrom('account_bars')
    .selectAll()
    .$if(site !== undefined, query => query.where('site', '=', site!))
    .$if(after !== undefined, query =>
      query.where(sql<SqlBool>`(site, account, cause) > (${after!.site}, ${after!.account}, ${after!.cause})`),
    )
    .orderBy('site')
    .orderBy('account')
    .orderBy('cause')
    .limit(pageRows)
    .execute()
}

/** In place of the one of the same cause. */
export async function putBar(kysely: Tables, bar: BarRow): Promise<void> {
  const { reason, barred_at, until } = bar
  await kysely
    .insertInto('account_bars')
    .values(bar)
    .onConflict(conflict => conflict.columns(['site', 'account', 'cause']).doUpdateSet({ reason, barred_at, until }))
    .execute()
}

export async function deleteBars(
  kysely: Tables,
  { site, account, cause }: Name & { cause?: BarRow['cause'] },
): Promise<void> {
  await kysely
    .deleteFrom('account_bars')
    .where('site', '=', site)
    .where('account', '=', account)
    .$if(cause !== undefined, query => query.where('cause', '=', cause!))
    .execute()
}

export async function deleteReservations(kysely: Tables, credentialId: string): Promise<void> {
  await kysely.deleteFrom('account_reservations').where('credential_id', '=', credentialId).execute()
}

export async function changeAccount(
  kysely: Tables,
  { site, account }: Pick<AccountRow, 'site' | 'account'>,
  columns: Partial<AccountRow>,
): Promise<void> {
  await kysely.updateTable('accounts').set(columns).where('site', '=', site).where('account', '=', account).execute()
}

/** Bars that are over, and tries of credentials that are not in use any more. */
export async function deleteLeftovers(kysely: Tables, now: number) {
  const bars = await kysely.deleteFrom('account_bars').where('until', '<=', now).executeTakeFirst()
  const reservations = await kysely
    .deleteFrom('account_reservations')
    .where('credential_id', 'not in', kysely.selectFrom('accounts').select('credential_id'))
    .executeTakeFirst()
  return { expiredBars: Number(bars.numDeletedRows), settledReservations: Number(reservations.numDeletedRows) }
}
