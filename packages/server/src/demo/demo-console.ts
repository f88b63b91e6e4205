import type { AcquisitionRecord, Logger, TokenInspection, TokenManager } from 'hotwell'
import type { RunRecord } from '../syncs/run-record.ts'
import type { Syncs } from '../syncs/syncs.ts'
import { LiveLines, type Output } from './live-lines.ts'

const redrawMs = 2000
/** On a pipe nobody wants a table every two seconds. */
const pipeSummaryMs = 30_000
/** The longest ref of the demo and a gap. */
const refWidth = 26

const reasons: Record<AcquisitionRecord['trigger'], string> = {
  no_token: 'first',
  token_expired: 'expired',
  preheat: 'preheat',
  rejected: 'rejected',
  manual: 'asked for',
}

/** What the demo shows: a line for each acquisition, and below them a table of the tokens. */
export class DemoConsole {
  readonly #lines: LiveLines
  readonly #waiting: AcquisitionRecord[] = []
  #tokens: TokenManager | undefined
  #timer: NodeJS.Timeout | undefined
  #open = false
  readonly #counts = { acquired: 0, failed: 0 }

  constructor(output: Output) {
    this.#lines = new LiveLines(output)
  }

  /** For what the server logs: warnings and errors become lines, the rest is in the lines already. */
  readonly logger: Logger = {
    debug() {},
    info() {},
    warn: (_fields, message) => this.#say(message),
    error: (_fields, message) => this.#say(message),
  }

  /** Listens from the first acquisition on; the lines wait until {@link open} has written the greeting. */
  observe(tokens: TokenManager): void {
    this.#tokens = tokens
    tokens.on('acquisition.finished', record => {
      this.#waiting.push(record)
      // The token takes its place after its event was told.
      setImmediate(() => this.#flush())
    })
  }

  /** A line for each run of a sync. */
  observeSyncs(syncs: Pick<Syncs, 'on'>): void {
    syncs.on('run.ended', record => this.#lines.line(runLine(record)))
  }

  open(greeting: string): void {
    this.#lines.line(greeting)
    this.#lines.line(`${'time'.padEnd(10)}${'token'.padEnd(refWidth)}${'why'.padEnd(11)}${'took'.padEnd(9)}then`)
    this.#open = true
    this.#flush()
    this.#timer = setInterval(() => this.#summarize(), this.#lines.live ? redrawMs : pipeSummaryMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#lines.keep()
  }

  line(text: string): void {
    this.#lines.line(text)
  }

  #say(message: string): void {
    // A failed acquisition and a failed run have their lines, with the reason.
    if (!/^(Acquiring \S+ failed$|A run of the sync )/.test(message)) this.#lines.line(`!  ${message}`)
  }

  #flush(): void {
    if (!this.#open) return
    for (const record of this.#waiting.splice(0)) {
      this.#counts[record.status === 'success' ? 'acquired' : 'failed']++
      this.#lines.line(this.#lineOf(record))
    }
    if (this.#lines.live) this.#summarize()
  }

  #lineOf(record: AcquisitionRecord): string {
    const { ref, trigger, status, totalMs, unchanged, errorMessage, finishedAt } = record
    const token = this.#tokens?.list().find(inspection => inspection.ref === ref)
    const ends = token?.expiresAt === undefined ? '' : `good until ${clock(token.expiresAt)}`
    const outcome =
      status === 'success' ? (unchanged ? `unchanged, ${ends}` : ends) : `${status}: ${errorMessage ?? ''}`
    const took = `${Math.round(totalMs)} ms`
    return `${clock(finishedAt).padEnd(10)}${ref.padEnd(refWidth)}${reasons[trigger].padEnd(11)}${took.padEnd(9)}${outcome}`
  }

  #summarize(): void {
    const tokens = this.#tokens
    if (!tokens) return
    const { acquired, failed } = this.#counts
    const { hits, misses } = lookups(tokens)
    const figures = `${acquired} acquired, ${failed} failed. Asked for ${hits + misses} times: ${hits} from memory, ${misses} waited.`
    this.#lines.summary(['', ...tokens.list().map(rowOf), `  ${clock(Date.now())}  ${figures}`])
  }
}

function rowOf(token: TokenInspection): string {
  const left = token.expirySeconds()
  const bar = '█'.repeat(Math.min(20, Math.ceil(left / 3))).padEnd(20, '·')
  const end = left > 0 ? `${left} s left`.padStart(10) : 'none'.padStart(10)
  return `  ${token.ref.padEnd(refWidth)}${token.state.padEnd(9)}${bar} ${end}   renewals ${token.renewals}`
}

function runLine({ sync, trigger, state, stats, error, startedAt, finishedAt = Date.now() }: RunRecord): string {
  const { total = 0, inserted = 0, updated = 0, deleted = 0 } = stats ?? {}
  const changes = inserted + updated + deleted
  const done = `${total} records, ${changes === 0 ? 'none changed' : `${inserted} inserted, ${updated} updated, ${deleted} deleted`}`
  const why = trigger === 'interval' ? 'interval' : reasons.manual
  const took = `${startedAt === undefined ? 0 : finishedAt - startedAt} ms`
  const then = state === 'completed' ? done : `${state}${error ? `: ${error.message}` : ''}`
  return `${'sync'.padEnd(10)}${sync.padEnd(refWidth)}${why.padEnd(11)}${took.padEnd(9)}${then}`
}

function lookups(tokens: TokenManager): { hits: number; misses: number } {
  const counters = tokens.metrics.snapshot()
  const kinds = [counters.app, counters.tenant, counters.user, counters.other]
  return {
    hits: kinds.reduce((sum, kind) => sum + kind.hits, 0),
    misses: kinds.reduce((sum, kind) => sum + kind.misses, 0),
  }
}

function clock(at: number): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}
