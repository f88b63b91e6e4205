import type { RunRecord } from '../syncs/run-record.ts'
import { instant } from './instant.ts'
import type { RunReply } from './run-schemas.ts'

/** A run as it goes over HTTP. */
export function runReply(record: RunRecord): RunReply {
  const { id, sync, work, trigger, state, interruptions, stats, progress, verification, error } = record
  const part = work.kind === 'run' ? work.part : undefined
  const asked = work.kind === 'run' ? work.mode : undefined
  const isGoing = state === 'running' || state === 'paused'
  return {
    id,
    sync,
    kind: work.kind,
    mode: part ? 'part' : (stats?.mode ?? asked ?? null),
    part: part ? ({ ...part, ...('elements' in part && { elements: [...part.elements] }) } as RunReply['part']) : null,
    allowDeletes: work.allowDeletes,
    repair: work.kind === 'verify' && work.repair,
    trigger,
    retryOf: record.retryOf ?? null,
    state,
    phase: (isGoing && progress?.phase) || null,
    counts: countsOf(record),
    perSecond: stats
      ? stats.durationMs > 0
        ? stats.total / (stats.durationMs / 1000)
        : 0
      : (progress?.perSecond ?? 0),
    share: state === 'completed' ? 1 : (progress?.share ?? null),
    secondsLeft: (state === 'running' && progress?.secondsLeft) || null,
    waitingFor: (isGoing && progress?.waitingFor) || null,
    interruptions,
    createdAt: instant(record.createdAt)!,
    startedAt: instant(record.startedAt),
    finishedAt: instant(record.finishedAt),
    error: error ? { code: error.code, message: error.message, retryable: error.retryable } : null,
    verification: verification ? { ...verification, differences: [...verification.differences] } : null,
  }
}

/** Those of the end, or of how far it is. */
function countsOf({ stats, progress }: RunRecord): RunReply['counts'] {
  if (stats) {
    // A record of an older version has no such count.
    const { total, inserted, updated, unchanged, skipped, deleted, failed, pending, cycles = 0 } = stats
    return { total, inserted, updated, unchanged, skipped, deleted, failed, pending, cycles }
  }
  const { counts } = progress ?? {}
  const { read = 0, inserted = 0, updated = 0, unchanged = 0, filtered = 0 } = counts ?? {}
  const { deleted = 0, failed = 0, pending = 0 } = counts ?? {}
  return {
    total: read,
    inserted,
    updated,
    unchanged,
    skipped: unchanged + filtered,
    deleted,
    failed,
    pending,
    cycles: 0,
  }
}
