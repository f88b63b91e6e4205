import type { RunReply } from '../routes/run-schemas.ts'
import type { SyncReply } from '../routes/sync-schemas.ts'
import { when } from './instant.ts'
import { duration, singleLine, table } from './output.ts'

/** The syncs of a server, a row each. */
export function syncTable(syncs: readonly SyncReply[]): string {
  const rows = syncs.map(({ name, intervalSeconds, nextAt, running, last }) => [
    name,
    last?.state ?? 'never ran',
    when(last?.startedAt),
    last ? number(last.counts.total) : '',
    running ? shareOf(running) : '',
    intervalSeconds === null ? '' : `every ${duration(intervalSeconds)}`,
    running ? '' : when(nextAt),
    last?.error?.message ?? '',
  ])
  return table(['Sync', 'State', 'Began', 'Records', 'Done', 'Runs', 'Next', 'Error'], rows)
}

/** Runs, a row each. */
export function runTable(runs: readonly RunReply[]): string {
  const rows = runs.map(run => {
    const { id, state, counts, startedAt, error } = run
    const { inserted, updated, deleted, failed } = counts
    const changes = [inserted, updated, deleted, failed].map(number)
    return [
      id,
      kindOf(run),
      state,
      when(startedAt),
      tookOf(run),
      number(counts.total),
      ...changes,
      error?.message ?? '',
    ]
  })
  const counts = ['Records', 'Inserted', 'Updated', 'Deleted', 'Failed']
  return table(['Run', 'Kind', 'State', 'Began', 'Took', ...counts, 'Error'], rows)
}

/** A run in a few lines. */
export function runReport(run: RunReply): string {
  const { id, sync, state, counts, error, verification, interruptions, waitingFor, perSecond } = run
  const { total, inserted, updated, unchanged, deleted, failed, pending, cycles } = counts
  const parts = [
    [inserted, 'inserted'],
    [updated, 'updated'],
    [unchanged, 'unchanged'],
    [deleted, 'deleted'],
    [failed, 'in the dead letters'],
    [pending, 'relations without both ends when they came'],
    [cycles, 'circles of owners'],
  ] as const
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`)
  const took = tookOf(run)
  const lines = [`${sync}: ${state}${took && ` after ${took}`} (run ${id})`]
  if (run.kind === 'run')
    lines.push(
      `  ${number(total)} records, ${number(perSecond)} a second${told.length > 0 ? `: ${told.join(', ')}` : ''}`,
    )
  if (interruptions > 0)
    lines.push(`  The server ended under it ${interruptions === 1 ? 'once' : `${interruptions} times`}.`)
  if (waitingFor) lines.push(`  It waits: ${singleLine(waitingFor)}`)
  if (error) lines.push(`  ${singleLine(error.message)} (${error.code})`)
  if (verification) lines.push(...verificationLines(verification))
  return lines.join('\n')
}

function verificationLines(found: NonNullable<RunReply['verification']>): string[] {
  const { equal, elements, relations, missing, extra, different, differences, repaired, unusable } = found
  const lines = [
    `  elements   ${number(elements.source)} at the source, ${number(elements.target)} at the target`,
    `  relations  ${number(relations.source)} at the source, ${number(relations.target)} at the target`,
  ]
  if (unusable > 0) lines.push(`  ${number(unusable)} records of the source cannot be taken.`)
  if (equal) return [...lines, '  They are equal.']
  lines.push(`  ${number(missing)} missing, ${number(extra)} extra, ${number(different)} different at the target`)
  for (const { what, kind, key } of differences) lines.push(`    ${what.padEnd(9)}  ${kind}  ${singleLine(key)}`)
  const left = missing + extra + different - differences.length
  if (left > 0) lines.push(`    and ${number(left)} more`)
  if (repaired > 0) lines.push(`  ${number(repaired)} were put right.`)
  return lines
}

function kindOf({ kind, mode }: RunReply): string {
  return kind === 'verify' ? 'verify' : (mode ?? 'run')
}

function tookOf({ startedAt, finishedAt }: RunReply): string {
  if (!startedAt) return ''
  const seconds = (Date.parse(finishedAt ?? new Date().toISOString()) - Date.parse(startedAt)) / 1000
  return seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s` : duration(seconds)
}

export function shareOf({ share }: RunReply): string {
  return share === null ? '' : `${Math.floor(share * 100)} %`
}

/** `1,234,567`. */
export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
