import type { Kysely } from 'kysely'
import type { Sealer } from '../../../core/seal.ts'
import type { Database } from '../../../database/database.ts'
import type { Now } from '../../store-transitions.ts'
import type { StoreEvent, TokenKey } from '../../token-store.ts'
import type { NumberedChange } from './change-watch.ts'
import { sealedColumns, stateOf, type TokenRow, type TokenTables } from './token-row.ts'

type Tables = Kysely<TokenTables>

const changesAtOnce = 200
const resealedAtOnce = 20
const purgedAtOnce = 200
/** As long as other processes wait for a claim at most. */
const deadAfterMs = 600_000
/** Longer than any jump of the wall clock that is likely to be mended. */
const keptAfterEndMs = 7 * 86_400_000

export function findRow(kysely: Tables, id: string): Promise<TokenRow | undefined> {
  return kysely.selectFrom('token_records').selectAll().where('id', '=', id).executeTakeFirst()
}

export interface RowChange {
  readonly key: TokenKey
  /** What is there now, in this transaction. */
  readonly row: TokenRow | undefined
  readonly columns: Partial<TokenRow>
  /** Told to watchers: then the change gets a number. */
  readonly event: StoreEvent['type'] | undefined
  readonly at: number
}

/** Returns the number of the change, 0 if nobody is told. */
export async function writeRow(transaction: Tables, change: RowChange): Promise<number> {
  const { key, row, columns, event, at } = change
  const sequence = event ? (await lastSequence(transaction)) + 1 : 0
  const numbered = event ? { change_sequence: sequence, change_type: event } : {}
  const written = { ...columns, ...numbered, changed_at: at }
  if (row) await transaction.updateTable('token_records').set(written).where('id', '=', key.id).execute()
  else {
    const fresh = { id: key.id, ref: key.ref, fence: 0, generation: 0, change_sequence: 0, ...written }
    await transaction
      .insertInto('token_records')
      .values(fresh as TokenRow)
      .execute()
  }
  return sequence
}

export async function lastSequence(kysely: Tables): Promise<number> {
  const row = await kysely
    .selectFrom('token_records')
    .select(({ fn }) => fn.max('change_sequence').as('last'))
    .executeTakeFirst()
  return row?.last ?? 0
}

export async function changesAfter(
  database: Database<TokenTables>,
  sequence: number,
): Promise<readonly NumberedChange[]> {
  const rows = await database.query(kysely =>
    kysely
      .selectFrom('token_records')
      .select(['id', 'change_type', 'change_sequence'])
      .where('change_sequence', '>', sequence)
      .orderBy('change_sequence')
      .limit(changesAtOnce)
      .execute(),
  )
  return rows.map(({ id, change_type, change_sequence }) => ({
    sequence: change_sequence,
    event: Object.freeze({ id, type: change_type ?? 'stored' }),
  }))
}

/**
 * Re-seals the next few records after this id. Each is written only if its generation and key are still the ones that
 * were read, so on no database can a newer token be replaced by an older one.
 */
export async function resealSome(transaction: Tables, sealer: Sealer, afterId: string) {
  const rows = await transaction
    .selectFrom('token_records')
    .selectAll()
    .where('id', '>', afterId)
    .where('key_id', '!=', sealer.keyId)
    .orderBy('id')
    .limit(resealedAtOnce)
    .execute()
  const counts = { resealed: 0, unreadable: 0 }
  for (const row of rows) {
    const state = stateOf(row, sealer)
    if (state.unreadable) {
      counts.unreadable++
      continue
    }
    const { numUpdatedRows } = await transaction
      .updateTable('token_records')
      .set(sealedColumns(row.id, state, sealer))
      .where('id', '=', row.id)
      .where('generation', '=', row.generation)
      .where('key_id', '=', row.key_id)
      .executeTakeFirst()
    counts.resealed += Number(numUpdatedRows)
  }
  return { ...counts, next: rows.at(-1)?.id }
}

/** Check values of keys that no record is sealed with any more, so that they alone do not open the store. */
export async function forgetUnusedKeys(kysely: Tables, sealingKeyId: string): Promise<void> {
  await kysely
    .deleteFrom('token_seal_checks')
    .where('key_id', '!=', sealingKeyId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('token_records').select('id').whereRef('token_records.key_id', '=', 'token_seal_checks.key_id'),
        ),
      ),
    )
    .execute()
}

/** Frees the records whose claim lapsed so long ago that its holder is dead: a stopped one could still come back. */
export async function dropDeadClaims(kysely: Tables, { monotonicMs, bootId }: Now): Promise<number> {
  const { numUpdatedRows } = await kysely
    .updateTable('token_records')
    .set({ holder: null, claim_boot: null, claim_until_ms: null })
    .where('claim_until_ms', 'is not', null)
    .where(({ or, eb }) => or([eb('claim_boot', '!=', bootId), eb('claim_until_ms', '<', monotonicMs - deadAfterMs)]))
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/**
 * Removes some records without a grant, an intent, or a claim, whose token and whose last change are long over. The one
 * with the last number stays, because numbers must not be given twice.
 */
export async function purgeSome(kysely: Tables, { wallMs, monotonicMs, bootId }: Now): Promise<number> {
  const cutoff = wallMs - keptAfterEndMs
  const over = kysely
    .selectFrom('token_records')
    .select('id')
    .where('changed_at', '<', cutoff)
    .where(({ or, eb }) => or([eb('expires_at', '<', cutoff), eb('generation', '=', 0)]))
    .where('sealed_grant', 'is', null)
    .where('intent_spent', 'is', null)
    .where(({ or, eb }) =>
      or([eb('claim_until_ms', 'is', null), eb('claim_boot', '!=', bootId), eb('claim_until_ms', '<', monotonicMs)]),
    )
    .where('change_sequence', '<', await lastSequence(kysely))
    .limit(purgedAtOnce)
  const { numDeletedRows } = await kysely.deleteFrom('token_records').where('id', 'in', over).executeTakeFirst()
  return Number(numDeletedRows)
}
