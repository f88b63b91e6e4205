import type { Kysely } from 'kysely'
import { HotwellError } from '../../../core/errors.ts'
import { createSealer, type Sealer } from '../../../core/seal.ts'
import type { Database } from '../../../database/database.ts'
import type { TokenTables } from './token-row.ts'

const context = { id: 'hotwell token store', part: 'check', generation: 0 }
const text = 'hotwell'

/**
 * Makes the sealer of a store and compares it with the sealed check values that lie there, one for each key ever used.
 *
 * @param keys gives the keys; `sealed` tells whether something sealed is there already, so that no new key is made.
 * @throws HotwellError `store_unreadable` when no key fits. Nothing is changed then.
 */
export async function openSealer(
  database: Database<TokenTables>,
  keys: (sealed: { by: readonly string[] }) => Promise<readonly string[]>,
): Promise<Sealer> {
  const checks = await database.query(kysely => kysely.selectFrom('token_seal_checks').selectAll().execute())
  const sealer = createSealer(await keys({ by: checks.map(check => check.key_id) }))
  if (isKnown(checks, sealer, database.location)) return sealer
  await database.transaction(
    async transaction => {
      // Another process may have been the first one meanwhile, with another key.
      if (isKnown(await transaction.selectFrom('token_seal_checks').selectAll().execute(), sealer, database.location))
        return
      const check = { key_id: sealer.keyId, sealed: sealer.seal(text, context) }
      await transaction.insertInto('token_seal_checks').values(check).execute()
    },
    { durable: true },
  )
  return sealer
}

/** Whether the sealing key has left its check value there. */
export async function isSealedBy(transaction: Kysely<TokenTables>, { keyId }: Sealer): Promise<boolean> {
  const query = transaction.selectFrom('token_seal_checks').select('key_id').where('key_id', '=', keyId)
  return (await query.executeTakeFirst()) !== undefined
}

type Check = TokenTables['token_seal_checks']

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
    return sealer.open(sealed, context) === text
  } catch {
    return false
  }
}
