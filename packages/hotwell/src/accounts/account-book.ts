import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { HotwellError } from '../core/errors.ts'
import type { Sealer } from '../core/seal.ts'
import type { AccountRow, AccountTables } from './account-row.ts'
import { notFound } from './check-input.ts'
import { changeAccount, deleteBars, deleteReservations, findAccount, putBar } from './repository.ts'
import { openPassword, sealPassword } from './sealed-password.ts'

type Tables = Kysely<AccountTables>

interface Name {
  readonly site: string
  readonly account: string
}

/** @throws HotwellError `conflict` */
export async function insertAccount(
  transaction: Tables,
  sealer: Sealer,
  { site, account, username, password, now }: Name & { username: string; password: string; now: number },
): Promise<void> {
  if (await findAccount(transaction, site, account))
    throw new HotwellError('conflict', `The site "${site}" has an account "${account}" already. Nothing was changed.`)
  await refuseTaken(transaction, { site, account, username })
  const owner = { site, account, credential_id: newCredentialId() }
  const columns = { username, ...sealPassword(sealer, owner, password), created_at: now, updated_at: now }
  const fresh = { known_right: 0, doubts: 0, credential_errors: 0, successes: 0, failures: 0 }
  await transaction
    .insertInto('accounts')
    .values({ ...owner, ...columns, ...fresh, last_success_at: null, last_used_at: null })
    .execute()
}

/**
 * A changed username or password is a new credential, with a budget of its own and without the former one's bar. The
 * same ones again change nothing: a script that repeats itself must not forgive a wrong password again and again.
 * Returns whether something was changed.
 *
 * @throws HotwellError `not_found`, `conflict`
 */
export async function changeCredential(
  transaction: Tables,
  sealer: Sealer,
  { site, account, now, ...given }: Name & { username?: string; password?: string; now: number },
): Promise<boolean> {
  const row = await foundAccount(transaction, { site, account })
  const { username = row.username, password } = given
  if (username === row.username && (password === undefined || password === openable(sealer, row))) return false
  if (username !== row.username) await refuseTaken(transaction, { site, account, username })
  const owner = { site, account, credential_id: newCredentialId() }
  await changeAccount(transaction, row, {
    ...owner,
    ...sealPassword(sealer, owner, password ?? openPassword(sealer, row)),
    username,
    known_right: 0,
    doubts: 0,
    credential_errors: 0,
    updated_at: now,
  })
  await deleteBars(transaction, { site, account, cause: 'credential' })
  await deleteReservations(transaction, row.credential_id)
  return true
}

/** @throws HotwellError `not_found` */
export async function deleteAccount(transaction: Tables, name: Name): Promise<void> {
  const row = await foundAccount(transaction, name)
  await deleteBars(transaction, name)
  await deleteReservations(transaction, row.credential_id)
  await transaction.deleteFrom('accounts').where('credential_id', '=', row.credential_id).execute()
}

/** @throws HotwellError `not_found` */
export async function barByHand(
  transaction: Tables,
  { site, account, reason, until, now }: Name & { reason: string; until: number | undefined; now: number },
): Promise<void> {
  const row = await foundAccount(transaction, { site, account })
  await putBar(transaction, { site, account, cause: 'manual', reason, barred_at: now, until: until ?? null })
  await changeAccount(transaction, row, { updated_at: now })
}

/** @throws HotwellError `not_found` */
export async function liftBars(transaction: Tables, { now, ...name }: Name & { now: number }): Promise<void> {
  const row = await foundAccount(transaction, name)
  await deleteBars(transaction, name)
  await deleteReservations(transaction, row.credential_id)
  await changeAccount(transaction, row, { credential_errors: 0, doubts: 0, updated_at: now })
}

async function foundAccount(transaction: Tables, { site, account }: Name): Promise<AccountRow> {
  const row = await findAccount(transaction, site, account)
  if (!row) throw notFound(site, account)
  return row
}

/** Two accounts with one username would each have a budget, and the site counts them together. */
async function refuseTaken(transaction: Tables, { site, account, username }: Name & { username: string }) {
  const other = await transaction
    .selectFrom('accounts')
    .select('account')
    .where('site', '=', site)
    .where('username', '=', username)
    .where('account', '!=', account)
    .executeTakeFirst()
  if (other)
    throw new HotwellError(
      'conflict',
      `The account "${other.account}" of the site "${site}" has the username "${username}" already. Nothing was changed.`,
    )
}

function openable(sealer: Sealer, row: AccountRow): string | undefined {
  try {
    return openPassword(sealer, row)
  } catch {
    return undefined
  }
}

function newCredentialId(): string {
  return randomBytes(9).toString('base64url')
}
