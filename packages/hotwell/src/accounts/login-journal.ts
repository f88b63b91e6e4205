import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { LoginOutcome, LoginRefusal, LoginReservation } from '../tokens/account-source.ts'
import type { AccountRecord, AccountRow, AccountTables, BarRow, ReservationRow } from './account-row.ts'
import { credentialBarMs, longestBar } from './blacklist.ts'
import { type BudgetState, budgetAt, effectOf, type LockoutBudget, mostWithoutSuccess } from './lockout-budget.ts'
import { changeAccount, deleteBars, findAccount, putBar, readBars, readRecord } from './repository.ts'

type Tables = Kysely<AccountTables>

const rowId = sql<number>`rowid`

export interface ReserveRequest {
  readonly site: string
  readonly account: string
  readonly credentialId: string
  readonly budget: LockoutBudget
  /** Wall clock, ms. */
  readonly now: number
}

/** Why no password may leave. `isStale`: its credential is not the present one. */
export interface Refused {
  readonly refusal: LoginRefusal
  readonly isStale: boolean
}

/** In a transaction that holds the write lock, so that no two reserve the same try. Bars and budget are read here. */
export async function reserveTry(transaction: Tables, request: ReserveRequest): Promise<LoginReservation | Refused> {
  const { site, account, credentialId, now } = request
  const refused = await refusalOf(transaction, request)
  if (refused) return refused
  const id = randomUUID()
  const reservation = { id, credential_id: credentialId, reserved_at: now, outcome: null }
  await transaction.insertInto('account_reservations').values(reservation).execute()
  await changeAccount(transaction, { site, account }, { last_used_at: now })
  return { id, credentialId }
}

/** Undefined: one may. Only reads. */
export async function refusalOf(kysely: Tables, request: ReserveRequest): Promise<Refused | undefined> {
  const { site, account, credentialId, budget, now } = request
  const name = `The account "${account}" of the site "${site}"`
  const record = await readRecord(kysely, site, account)
  if (!record) return { isStale: true, refusal: { reason: `${name} was removed.` } }
  if (record.row.credential_id !== credentialId) {
    const reason = `${name} has a new credential since this login was begun. Begin it again.`
    return { isStale: true, refusal: { reason, retryAt: now } }
  }
  const bar = longestBar(await readBars(kysely, { site, account }), now)
  if (bar) return { isStale: false, refusal: barRefusal(name, bar, site, account) }
  const state = spentBudgetOf(record, budget, now)
  if (!state.open) return { isStale: false, refusal: budgetRefusal(name, state, record) }
  return undefined
}

export interface SettleRequest {
  readonly site: string
  readonly account: string
  readonly reservation: LoginReservation
  readonly outcome: LoginOutcome
  readonly now: number
}

/** Returns whether it counted: the outcome of a credential that is not the present one does not, nor a second one. */
export async function settleTry(transaction: Tables, request: SettleRequest): Promise<boolean> {
  const { site, account, reservation, outcome, now } = request
  const { id, credentialId } = reservation
  const reserved = await transaction
    .selectFrom('account_reservations')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  const row = await findAccount(transaction, site, account)
  if (row?.credential_id !== credentialId) {
    await transaction.deleteFrom('account_reservations').where('id', '=', id).execute()
    return false
  }
  if (reserved?.outcome) return false
  await changeAccount(transaction, row, outcome === 'success' ? afterSuccess(row, now) : afterFailure(row, outcome))
  const own = reserved ?? { id, credential_id: credentialId, reserved_at: now, outcome: null }
  switch (effectOf(outcome, row.known_right === 1)) {
    case 'clear':
      await forgive(transaction, reservation)
      await deleteBars(transaction, { site, account, cause: 'credential' })
      break
    case 'keep':
      await keep(transaction, { ...own, outcome })
      break
    default:
      await transaction.deleteFrom('account_reservations').where('id', '=', id).execute()
  }
  if (outcome === 'credential_error') await putBar(transaction, credentialBar(row, row.credential_errors + 1, now))
  return true
}

export function spentBudgetOf({ row, reservedAts }: AccountRecord, budget: LockoutBudget, now: number): BudgetState {
  return budgetAt({ reservedAts, doubts: row.doubts, latestAt: row.last_used_at ?? 0 }, budget, now)
}

function afterSuccess({ successes }: AccountRow, now: number): Partial<AccountRow> {
  return { successes: successes + 1, last_success_at: now, known_right: 1, doubts: 0, credential_errors: 0 }
}

function afterFailure(row: AccountRow, outcome: LoginOutcome): Partial<AccountRow> {
  const failures = row.failures + 1
  if (outcome === 'credential_error') return { failures, known_right: 0, credential_errors: row.credential_errors + 1 }
  return effectOf(outcome, row.known_right === 1) === 'doubt' ? { failures, doubts: row.doubts + 1 } : { failures }
}

/** A try that was reserved later, and has no outcome yet, may still be a wrong password: it stays. */
async function forgive(transaction: Tables, { id, credentialId }: LoginReservation): Promise<void> {
  // Row ids grow with each reservation, whatever the wall clock does.
  const own = transaction.selectFrom('account_reservations').select(rowId.as('row')).where('id', '=', id)
  await transaction
    .deleteFrom('account_reservations')
    .where('credential_id', '=', credentialId)
    .where(({ or, eb }) => or([eb(rowId, '<=', own), eb('outcome', 'is not', null)]))
    .execute()
}

/** Also when a success or a person has forgiven it meanwhile: the site counts it after that. */
async function keep(transaction: Tables, reservation: ReservationRow): Promise<void> {
  await transaction
    .insertInto('account_reservations')
    .values(reservation)
    .onConflict(conflict => conflict.column('id').doUpdateSet({ outcome: reservation.outcome }))
    .execute()
}

function credentialBar({ site, account }: AccountRow, errors: number, now: number): BarRow {
  const lastsMs = credentialBarMs(errors)
  const times = errors === 1 ? 'once' : `${errors} times in a row`
  return {
    site,
    account,
    cause: 'credential',
    reason: `The site refused its password ${times}.`,
    barred_at: now,
    until: lastsMs === undefined ? null : now + lastsMs,
  }
}

function barRefusal(name: string, { cause, reason, until }: BarRow, site: string, account: string): LoginRefusal {
  const length = until === null ? '' : ` until ${new Date(until).toISOString()}`
  const advice =
    cause === 'credential'
      ? `Give it the right password, or: hotwell account unbar ${site} ${account}`
      : `To use it again: hotwell account unbar ${site} ${account}`
  return { reason: `${name} is barred${length}: ${reason} ${advice}`, ...(until !== null && { retryAt: until }) }
}

function budgetRefusal(name: string, { nextAt }: BudgetState, { row, reservedAts }: AccountRecord): LoginRefusal {
  const sent = reservedAts.length + row.doubts
  if (nextAt !== undefined)
    return {
      reason:
        `${name} has spent its lock-out budget: ${sent === 1 ? 'one password' : `${sent} passwords`} went out ` +
        `since it last succeeded${row.doubts > 0 ? `, ${row.doubts} of them without an answer` : ''}. ` +
        `The next one may at ${new Date(nextAt).toISOString()}.`,
      retryAt: nextAt,
    }
  return {
    reason:
      `${name} sent its password ${mostWithoutSuccess} times since it last succeeded; one more could lock it. ` +
      `See whether it works, then give it a new password, or: hotwell account unbar ${row.site} ${row.account}`,
  }
}
