import type { Kysely } from 'kysely'
import { HotwellError } from '../core/errors.ts'
import { createSealer, type SealContext, type Sealer } from '../core/seal.ts'
import type { Database } from '../database/database.ts'
import type { AccountRow, AccountTables } from './account-row.ts'

const checkContext = { id: 'hotwell accounts', part: 'check', generation: 0 }
const checkText = 'hotwell'

type Owner = Pick<AccountRow, 'site' | 'account' | 'credential_id'>

/** Bound to its account and to its version: copied into another row it cannot be opened. */
function contextOf({ site, account, credential_id }: Owner): SealContext {
  return { id: JSON.stringify([site, account, credential_id]), part: 'password', generation: 0 }
}

export function sealPassword(sealer: Sealer, owner: Owner, password: string) {
  return { key_id: sealer.keyId, sealed_password: sealer.seal(password, contextOf(owner)) }
}

/** @throws HotwellError `store_unreadable`, with the account in its details */
export function openPassword(sealer: Sealer, row: AccountRow): string {
  try {
    return sealer.open(row.sealed_password, contextOf(row))
  } catch (cause) {
    const { site, account } = row
    throw new HotwellError(
      'store_unreadable',
      `The password of the account "${account}" of the site "${site}" cannot be opened. ${(cause as Error).message} ` +
        'Give the key it was sealed with (too), or enter the password anew.',
      { cause, details: { site, account } },
    )
  }
}

/**
 * Makes the sealer and compares it with the sealed check values that lie there, one for each key in use.
 *
 * @param keys gives the keys; `by` names those that something is sealed with already, so that no new key is made.
 * @throws HotwellError `store_unreadable` when no key fits. Nothing is changed then.
 */
export async function openSealer(
  database: Database<AccountTables>,
  keys: (sealed: { by: readonly string[] }) => Promise<readonly string[]>,
): Promise<Sealer> {
  const checks = await database.query(readChecks)
  const sealer = createSealer(await keys({ by: checks.map(check => check.key_id) }))
  if (isKnown(checks, sealer, database.location)) return sealer
  await database.transaction(
    async transaction => {
      // Another process may have been the first one meanwhile, with another key.
      if (isKnown(await readChecks(transaction), sealer, database.location)) return
      const check = { key_id: sealer.keyId, sealed: sealer.seal(checkText, checkContext) }
      await transaction.insertInto('account_seal_checks').values(check).execute()
    },
    { durable: true },
  )
  return sealer
}

/** Whether the sealing key has left its check value: not so when an empty file lies where the opened one was. */
export async function isSealedBy(transaction: Kysely<AccountTables>, { keyId }: Sealer): Promise<boolean> {
  return (await readChecks(transaction)).some(check => check.key_id === keyId)
}

/** Seals with the first key what another one has sealed; what cannot be opened is left as it is. Returns how many. */
export async function resealPasswords(transaction: Kysely<AccountTables>, sealer: Sealer): Promise<number> {
  const rows = await transaction.selectFrom('accounts').selectAll().where('key_id', '!=', sealer.keyId).execute()
  let resealed = 0
  for (const row of rows) {
    const sealed = sealedAnew(sealer, row)
    if (!sealed) continue
    await transaction.updateTable('accounts').set(sealed).where('credential_id', '=', row.credential_id).execute()
    resealed++
  }
  await transaction
    .deleteFrom('account_seal_checks')
    .where('key_id', '!=', sealer.keyId)
    .where('key_id', 'not in', transaction.selectFrom('accounts').select('key_id'))
    .execute()
  return resealed
}

function sealedAnew(sealer: Sealer, row: AccountRow) {
  try {
    return sealPassword(sealer, row, openPassword(sealer, row))
  } catch {
    return undefined
  }
}

type Check = AccountTables['account_seal_checks']

function readChecks(kysely: Kysely<AccountTables>): Promise<Check[]> {
  return kysely.selectFrom('account_seal_checks').selectAll().execute()
}

/** Whether the sealing key has a check value. Throws when there are some, but none fits. */
function isKnown(checks: readonly Check[], sealer: Sealer, location: string): boolean {
  const fitting = checks.filter(({ sealed }) => opens(sealer, sealed))
  if (checks.length > 0 && fitting.length === 0)
    throw new HotwellError(
      'store_unreadable',
      `${location} is sealed with the key ${checks.map(check => check.key_id).join(' or ')}; ` +
        `given: ${sealer.keyIds.join(', ')}. Nothing was changed. Give the key it was sealed with (too).`,
    )
  return fitting.some(check => check.key_id === sealer.keyId)
}

function opens(sealer: Sealer, sealed: string): boolean {
  try {
    return sealer.open(sealed, checkContext) === checkText
  } catch {
    return false
  }
}
