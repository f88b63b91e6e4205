import type { LoginOutcome } from '../tokens/account-source.ts'
import type { BarCause } from './account-facts.ts'

/** The tables of the migration `001-accounts-pool`. Instants are wall clock, ms. */
export interface AccountTables {
  accounts: AccountRow
  account_bars: BarRow
  account_reservations: ReservationRow
  account_seal_checks: { key_id: string; sealed: string }
}

export interface AccountRow {
  site: string
  account: string
  username: string
  credential_id: string
  key_id: string
  sealed_password: string
  /** 1: the last definite outcome of this credential was a success. */
  known_right: number
  doubts: number
  /** Since the last success. */
  credential_errors: number
  successes: number
  failures: number
  last_success_at: number | null
  last_used_at: number | null
  created_at: number
  updated_at: number
}

export interface BarRow {
  site: string
  account: string
  cause: BarCause
  reason: string
  barred_at: number
  until: number | null
}

/** A try that is not given back. */
export interface ReservationRow {
  id: string
  credential_id: string
  reserved_at: number
  /** Null: the login is under way, or its process died. */
  outcome: LoginOutcome | null
}

/** What the choice of an account, and people, need of it. */
export type OpenAccountRow = Omit<AccountRow, 'key_id' | 'sealed_password'>

/** An account and the tries of its present credential. */
export interface AccountRecord {
  readonly row: OpenAccountRow
  readonly reservedAts: readonly number[]
}
