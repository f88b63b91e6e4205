import type { SyncPlan } from '../workers/sync-plan.ts'
import type { RunRecord } from './run-record.ts'

/** `setTimeout` fires at once for more than this. */
const longestMs = 2 ** 31 - 1

/** Calls something for each name when it is due. Keeps no process alive. */
export class Schedule {
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #due: (name: string) => void

  constructor(due: (name: string) => void) {
    this.#due = due
  }

  /** Replaces what was set for the name. `dueAt`: wall clock, ms; undefined: not at all. */
  set(name: string, dueAt: number | undefined): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
    if (dueAt === undefined) return
    const leftMs = dueAt - Date.now()
    const wake = () => (leftMs > longestMs ? this.set(name, dueAt) : this.#fire(name))
    this.#timers.set(name, setTimeout(wake, Math.min(longestMs, Math.max(0, leftMs))).unref())
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #fire(name: string): void {
    this.#timers.delete(name)
    this.#due(name)
  }
}

/** When a sync is due after its latest run; wall clock, ms. What was missed is due now. */
export function dueAt({ intervalSeconds }: SyncPlan, last: RunRecord | undefined): number | undefined {
  if (intervalSeconds === undefined) return undefined
  return Math.max(Date.now(), last ? last.createdAt + intervalSeconds * 1000 : 0)
}
