import { setTimeout as pause } from 'node:timers/promises'
import type { RunReply } from '../routes/run-schemas.ts'
import { CommandFailure } from './exit-codes.ts'
import { duration, print, printJson, singleLine } from './output.ts'
import { number, runReport, shareOf } from './sync-report.ts'
import type { SyncRequests } from './sync-requests.ts'

const askingMs = 300
const barWidth = 24
const over = ['completed', 'failed', 'cancelled']

/** Where progress is shown: a terminal, or anything else, which gets none. */
interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Asks for a run until it is over, and shows on a terminal how far it is. One that is paused is waited for. */
export async function followRun(
  requests: Pick<SyncRequests, 'run'>,
  begun: RunReply,
  screen: Screen = process.stderr,
): Promise<RunReply> {
  const show = (text: string) => {
    if (screen.isTTY) screen.write(`\r\u001b[2K${text.slice(0, (screen.columns ?? 80) - 1)}`)
  }
  try {
    for (let run = begun; ; run = await requests.run(run.id)) {
      if (over.includes(run.state)) return run
      show(progressLine(run))
      await pause(askingMs)
    }
  } finally {
    show('')
  }
}

/** Follows a run, tells how it ended, and fails where it did not do what was asked. */
export async function followToEnd(requests: SyncRequests, begun: RunReply, json: boolean | undefined): Promise<void> {
  const run = await followRun(requests, begun)
  if (json) printJson(run)
  else print(runReport(run))
  if (run.state !== 'completed') throw new CommandFailure(`The run is ${run.state}.`)
  const { verification } = run
  if (!verification || verification.equal) return
  const { missing, extra, different, repaired } = verification
  if (repaired < missing + extra + different) throw new CommandFailure('Source and target differ.')
}

/** Follows a run that was begun to its end, or only says that it has begun. */
export async function toldOrFollowed(
  requests: SyncRequests,
  begun: RunReply,
  { json, detach }: { json?: boolean | undefined; detach?: boolean | undefined },
): Promise<void> {
  if (!detach) return followToEnd(requests, begun, json)
  if (json) printJson(begun)
  else print(`${begun.sync}: ${begun.state} (run ${begun.id})`)
}

/** Behind the help of commands that begin a run. */
export const runExitCodes = `
Exit codes:
  0  completed; with --detach: it has begun
  1  it failed or was cancelled; the report says why
`

export function progressLine(run: RunReply): string {
  const { sync, state, phase, share, counts, perSecond, secondsLeft, waitingFor } = run
  const done = Math.round((share ?? 0) * barWidth)
  const bar = share === null ? '' : `${'█'.repeat(done)}${'░'.repeat(barWidth - done)} ${shareOf(run)}`
  const left = secondsLeft === null ? '' : `${secondsLeft < 1 ? 'less than 1 s' : duration(secondsLeft)} left`
  const what = state === 'running' ? (phase ?? 'starting') : state
  const figures = [`${number(counts.total)} records`, perSecond > 0 ? `${number(perSecond)}/s` : '', left]
  const waits = waitingFor ? `waits: ${singleLine(waitingFor)}` : ''
  return [sync, bar, what, ...figures, waits].filter(part => part !== '').join('  ')
}
