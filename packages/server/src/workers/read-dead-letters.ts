import { resolve } from 'node:path'
import { HotwellError } from 'hotwell/core'
import { openSqlite } from 'hotwell/database'
import type { DeadLetter, Target, TargetConnection } from 'hotwell/sync'
import type { SyncPlan } from './sync-plan.ts'

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[]
  /** Whether there are more than were asked for. */
  readonly hasMore: boolean
}

/** A connection that tells its dead letters by itself, in the order of kind and key. */
interface TellingConnection extends TargetConnection {
  readDeadLetters?(limit: number): Promise<readonly DeadLetter[]>
}

/**
 * The records that could not be taken, each with the reason.
 * @throws HotwellError `not_found` for a target that does not tell them
 */
export async function readDeadLetters(plan: SyncPlan, target: Target, limit: number): Promise<DeadLetterPage> {
  const connection: TellingConnection = await target.connect(plan.name)
  try {
    const letters = connection.readDeadLetters
      ? await connection.readDeadLetters(limit + 1)
      : await fromTable(plan, limit + 1)
    return { letters: letters.slice(0, limit), hasMore: letters.length > limit }
  } finally {
    await connection.close()
  }
}

interface LetterRow {
  readonly sync: string
  readonly kind: DeadLetter['kind']
  readonly key: string
  readonly reason: string
  readonly record: string | null
}

/** Of an SQLite file, whose table anybody can read. */
async function fromTable({ name, cwd, sync }: SyncPlan, limit: number): Promise<DeadLetter[]> {
  const { use, path, prefix = '' } = (sync?.target ?? {}) as { use?: string; path?: string; prefix?: string }
  if (use !== 'hotwell/targets/sqlite' || path === undefined)
    throw new HotwellError('not_found', `The target of the sync "${name}" does not tell its dead letters.`)
  const table = `${prefix}hotwell_dead_letters` as const
  const database = await openSqlite<Record<typeof table, LetterRow>>(resolve(cwd, path))
  try {
    const rows = await database.query(kysely =>
      kysely
        .selectFrom(table)
        .select(['kind', 'key', 'reason', 'record'])
        .where('sync', '=', name as never)
        .orderBy('kind')
        .orderBy('key')
        .limit(limit)
        .execute(),
    )
    return (rows as LetterRow[]).map(({ kind, key, reason, record }) => ({
      kind,
      key,
      reason,
      ...(record !== null && { record }),
    }))
  } finally {
    await database.close()
  }
}
