import type { Clock } from '../../core/clock.ts'
import { HotwellError } from '../../core/errors.ts'
import type { CompiledFilter } from '../model/filter.ts'
import { relationKey } from '../model/rows.ts'
import type { Source } from '../source.ts'
import type { AbsentDeleted } from '../sync-events.ts'
import { type OwnElement, runLane, type StagedRow, type TargetConnection, type TargetTransaction } from '../target.ts'
import { KeySet } from './key-set.ts'
import type { OrderState } from './sync-state.ts'

export interface DeleteGuard {
  /** More than this share of what the sync has at the target is not deleted in one run. @default 0.2 */
  fraction?: number
  /** So many may always be deleted. @default 100 */
  minRecords?: number
}

export interface DeleteContext {
  readonly connection: TargetConnection
  /** A reading may miss what is there: it is deleted when two in a row have, or `get` says so. */
  readonly needsConfirmation: boolean
  readonly get: Source['get']
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>
  readonly turn: () => Promise<void>
  readonly clock: Clock
  readonly deleted: (deleted: AbsentDeleted) => void
  readonly signal: AbortSignal
  readonly filter: CompiledFilter
  readonly takesOwn: (element: OwnElement) => boolean
  readonly pass: number
  readonly formerPass: number
  readonly order: OrderState
  /** Records that the source had. */
  readonly read: number
  readonly guard: DeleteGuard
  readonly allowDeletes: boolean
}

export type GuardContext = Pick<DeleteContext, 'connection' | 'patiently' | 'read' | 'guard' | 'allowDeletes'>

const chunk = 1000

/**
 * Deletes what a complete reading did not meet: stages it, looks whether that can be true, and deletes it, each row only
 * if it is still this sync's and still the same. May be repeated at any point.
 * @throws HotwellError `deletes_refused` when it is too much to be believed
 */
export async function deleteAbsent(context: DeleteContext): Promise<{ elements: number; relations: number }> {
  const none = { elements: 0, relations: 0 }
  if (context.order.isBlind) return none
  const seen = await seenKeys(context)
  await stageElements(context, seen)
  await stageRelations(context, seen)
  await inTransaction(context, transaction => transaction.unstage({ before: context.pass }))
  await unstageSeen(context, seen)
  const count = await confirm(context)
  if (count === 0) return none
  await guardDeletes(context, count)
  return deleteChunks(context)
}

function inTransaction<T>(
  { connection, patiently }: DeleteContext,
  work: (transaction: TargetTransaction) => Promise<T>,
): Promise<T> {
  return patiently(() => connection.transaction(runLane, work))
}

async function seenKeys(context: DeleteContext): Promise<KeySet> {
  const set = new KeySet()
  let last: { lane: number; number: number } | undefined
  for (;;) {
    const rows = await inTransaction(context, transaction => transaction.readSeen(last, 100))
    for (const { keys } of rows) set.addAll(keys)
    last = rows.at(-1)
    if (!last) return set
  }
}

/** Behind the ranges nothing was compared with the target yet. */
async function stageElements(context: DeleteContext, seen: KeySet): Promise<void> {
  const { connection, patiently, takesOwn, pass, formerPass, turn } = context
  let after = context.order.throughId
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patiently(() => connection.ownElements(after, chunk))
    const rows = own
      .filter(element => !seen.has(element.id) && takesOwn(element))
      .map(({ id, hash }) => ({ kind: 'element' as const, element: id, hash }))
    if (rows.length > 0) await inTransaction(context, transaction => transaction.stage(rows, pass, formerPass))
    after = own.at(-1)?.id
    isEnd = own.length < chunk
  }
}

async function stageRelations(context: DeleteContext, seen: KeySet): Promise<void> {
  const { connection, patiently, filter, pass, formerPass, turn } = context
  let after: Awaited<ReturnType<TargetConnection['ownRelations']>>[number] | undefined
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patiently(() => connection.ownRelations(after, chunk))
    const rows = own
      .filter(relation => !seen.has(relationKey(relation)) && filter.takesId(relation.from))
      .map(({ from, type, to }) => ({ kind: 'relation' as const, relation: { from, type, to } }))
    if (rows.length > 0) await inTransaction(context, transaction => transaction.stage(rows, pass, formerPass))
    after = own.at(-1)
    isEnd = own.length < chunk
  }
}

async function forStaged(context: DeleteContext, work: (rows: readonly StagedRow[]) => Promise<void>): Promise<void> {
  let after: StagedRow | undefined
  for (;;) {
    await context.turn()
    const rows = await context.patiently(() => context.connection.staged(after, chunk))
    if (rows.length === 0) return
    after = rows.at(-1)
    await work(rows)
  }
}

/** What was missing within a range may have come later, out of order. */
async function unstageSeen(context: DeleteContext, seen: KeySet): Promise<void> {
  if (seen.size === 0) return
  await forStaged(context, async rows => {
    const back = rows.filter(({ element }) => element !== undefined && seen.has(element))
    if (back.length > 0) await inTransaction(context, transaction => transaction.unstage({ rows: back }))
  })
}

/**
 * Takes off the list what is there after all, and returns how many are to be deleted. Where a reading may miss what is
 * there, one alone proves nothing.
 */
async function confirm(context: DeleteContext): Promise<number> {
  const { get, signal, patiently } = context
  let count = 0
  await forStaged(context, async rows => {
    let absent = rows
    const ids = rows.flatMap(({ element }) => element ?? [])
    if (get && ids.length > 0) {
      const there = await patiently(() => get(ids, { signal }))
      const alive = new Set(there.map(record => String((record as { id?: unknown }).id)))
      const back = rows.filter(({ element }) => element !== undefined && alive.has(element))
      if (back.length > 0) await inTransaction(context, transaction => transaction.unstage({ rows: back }))
      absent = rows.filter(row => !back.includes(row))
    }
    count += absent.filter(row => isDue(context, row)).length
  })
  return count
}

function isDue({ needsConfirmation, get, pass }: DeleteContext, { kind, firstPass }: StagedRow): boolean {
  return !needsConfirmation || firstPass < pass || (kind === 'element' && get !== undefined)
}

/** @throws HotwellError `deletes_refused` */
export async function guardDeletes(context: GuardContext, count: number): Promise<void> {
  if (context.allowDeletes) return
  const { fraction = 0.2, minRecords = 100 } = context.guard
  const own = await context.patiently(() => context.connection.countOwn())
  const isEmpty = context.read === 0
  if (!isEmpty && (count <= minRecords || count <= fraction * own)) return
  const why = isEmpty
    ? `The source returned nothing, but ${own} of its records are at the target.`
    : `The source lacks ${count} of the ${own} records that are at the target; more than ${fraction * 100} % is not deleted unasked.`
  throw new HotwellError('deletes_refused', `${why} Nothing was deleted. If it is true, run it with allowDeletes.`, {
    details: { count, own, fraction, minRecords },
  })
}

async function deleteChunks(context: DeleteContext): Promise<{ elements: number; relations: number }> {
  const { clock } = context
  const deleted = { elements: 0, relations: 0 }
  await forStaged(context, async rows => {
    const due = rows.filter(row => isDue(context, row))
    if (due.length === 0) return
    const startedAt = clock.monotonic()
    const { elements, relations } = await inTransaction(context, transaction => transaction.deleteStaged(due))
    context.deleted({ elements, relations, writeMs: clock.monotonic() - startedAt })
    deleted.elements += elements
    deleted.relations += relations
  })
  return deleted
}
