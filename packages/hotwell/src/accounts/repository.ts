import type { Kysely } from 'kysely'
import type { AccountRecord, AccountRow, AccountTables, BarRow } from './account-row.ts'

type Tables = Kysely<AccountTables>

/** Which accounts are meant; nothing given means all. */
export interface Which {
  readonly site?: string
  readonly account?: string
}

export function findAccount(kysely: Tables, site: string, account: string): Promise<AccountRow | undefined> {
  return kysely
    .selectFrom('accounts')
    .selectAll()
    .where('site', '=', site)
    .where('account', '=', account)
    .executeTakeFirst()
}

/** In order of site and account. */
export async function readAccounts(kysely: Tables, { site, account }: Which = {}): Promise<AccountRecord[]> {
  const rows = await kysely
    .selectFrom('accounts')
    .selectAll()
    .$if(site !== undefined, query => query.where('site', '=', site!))
    .$if(account !== undefined, query => query.where('account', '=', account!))
    .orderBy('site')
    .orderBy('account')
    .execute()
  const tries = await kysely
    .selectFrom('account_reservations')
    .innerJoin('accounts', 'accounts.credential_id', 'account_reservations.credential_id')
    .select(['account_reservations.credential_id', 'reserved_at'])
    .$if(site !== undefined, query => query.where('site', '=', site!))
    .$if(account !== undefined, query => query.where('account', '=', account!))
    .execute()
  const byCredential = Map.groupBy(tries, ({ credential_id }) => credential_id)
  return rows.map(row => ({
    row,
    reservedAts: byCredential.get(row.credential_id)?.map(({ reserved_at }) => reserved_at) ?? [],
  }))
}

/** In order of site and account; those that are over included. */
export function readBars(kysely: Tables, { site, account }: Which = {}): Promise<BarRow[]> {
  return kysely
    .selectFrom('account_bars')
    .selectAll()
    .$if(site !== undefined, query => query.where('site', '=', site!))
    .$if(account !== undefined, query => query.where('account', '=', account!))
    .orderBy('site')
    .orderBy('account')
    .orderBy('cause')
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
  { site, account, cause }: Required<Which> & { cause?: BarRow['cause'] },
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
