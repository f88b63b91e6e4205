import { HotwellError } from '../../../core/errors.ts'
import type { SealContext, Sealer } from '../../../core/seal.ts'
import type { Grant } from '../../provider.ts'
import type { Instant, TokenState } from '../../store-transitions.ts'
import type { StoreEvent, TokenKey } from '../../token-store.ts'

/** The tables of the migration `001-tokens-records`. */
export interface TokenTables {
  token_records: TokenRow
  token_seal_checks: { key_id: string; sealed: string }
}

export interface TokenRow {
  id: string
  ref: string
  fence: number
  holder: string | null
  claim_boot: string | null
  claim_until_ms: number | null
  generation: number
  expires_at: number | null
  key_id: string | null
  sealed_token: string | null
  sealed_grant: string | null
  failure: string | null
  failure_boot: string | null
  failure_until_ms: number | null
  intent_spent: string | null
  intent_boot: string | null
  intent_since_ms: number | null
  intent_fence: number | null
  change_sequence: number
  change_type: StoreEvent['type'] | null
  changed_at: number
}

/** What the row says. A token or grant that cannot be opened makes it `unreadable`; the rest is there all the same. */
export function stateOf(row: TokenRow, sealer: Sealer): TokenState {
  const expiresAt = row.expires_at ?? undefined
  const until = instantOf(row.failure_boot, row.failure_until_ms)
  const since = instantOf(row.intent_boot, row.intent_since_ms)
  const state: TokenState = {
    fence: row.fence,
    holder: row.holder ?? undefined,
    claimedUntil: instantOf(row.claim_boot, row.claim_until_ms),
    generation: row.generation,
    expiresAt,
    failure: row.failure !== null && until ? { ...JSON.parse(row.failure), until } : undefined,
    intent: row.intent_spent && since ? { spent: row.intent_spent, since, fence: row.intent_fence ?? 0 } : undefined,
  }
  try {
    return { ...state, token: openToken(row, sealer), grant: openGrant(row, sealer) }
  } catch (error) {
    if (!(error instanceof HotwellError) && !(error instanceof SyntaxError)) throw error
    return { ...state, unreadable: `The stored record of ${row.ref} cannot be opened. ${error.message}` }
  }
}

/** The columns that a change writes; the token and its grant are sealed anew whenever the generation changes. */
export function columnsOf(key: TokenKey, state: TokenState, change: Partial<TokenState>, sealer: Sealer) {
  const columns: Partial<TokenRow> = {}
  const next = { ...state, ...change }
  if ('fence' in change) columns.fence = next.fence
  if ('holder' in change) columns.holder = next.holder ?? null
  if ('claimedUntil' in change) {
    columns.claim_boot = next.claimedUntil?.bootId ?? null
    columns.claim_until_ms = next.claimedUntil?.atMs ?? null
  }
  if ('failure' in change) {
    const { until, ...facts } = next.failure ?? {}
    columns.failure = until ? JSON.stringify(facts) : null
    columns.failure_boot = until?.bootId ?? null
    columns.failure_until_ms = until?.atMs ?? null
  }
  if ('intent' in change) {
    columns.intent_spent = next.intent?.spent ?? null
    columns.intent_boot = next.intent?.since.bootId ?? null
    columns.intent_since_ms = next.intent?.since.atMs ?? null
    columns.intent_fence = next.intent?.fence ?? null
  }
  if ('generation' in change) {
    columns.generation = next.generation
    columns.expires_at = next.expiresAt ?? null
    Object.assign(columns, sealedColumns(key.id, next, sealer))
  } else if ('token' in change) columns.sealed_token = null
  return columns
}

/** Token and grant, sealed with the sealer's first key. */
export function sealedColumns(id: string, { token, grant, generation, expiresAt }: TokenState, sealer: Sealer) {
  const context = { id, generation, expiresAt }
  return {
    key_id: sealer.keyId,
    sealed_token: token ? sealer.seal(JSON.stringify(token), { ...context, part: 'token' }) : null,
    sealed_grant: grant ? sealer.seal(JSON.stringify(grant), { ...context, part: 'grant' }) : null,
  }
}

function openToken(row: TokenRow, sealer: Sealer): TokenState['token'] {
  if (row.sealed_token === null) return undefined
  const token = JSON.parse(sealer.open(row.sealed_token, contextOf(row, 'token'))) as NonNullable<TokenState['token']>
  // JSON has no Infinity: it became null.
  return { ...token, lifeMs: token.lifeMs ?? Infinity, expiresAt: row.expires_at ?? Infinity }
}

function openGrant(row: TokenRow, sealer: Sealer): Grant | undefined {
  return row.sealed_grant === null ? undefined : JSON.parse(sealer.open(row.sealed_grant, contextOf(row, 'grant')))
}

function contextOf({ id, generation, expires_at }: TokenRow, part: string): SealContext {
  return { id, part, generation, expiresAt: expires_at ?? undefined }
}

function instantOf(bootId: string | null, atMs: number | null): Instant | undefined {
  return bootId === null || atMs === null ? undefined : { bootId, atMs }
}
