import type { Worker } from 'node:worker_threads'
import type { TokenManager } from 'hotwell'
import { startThread } from 'hotwell/core'
import type { RunProgress } from 'hotwell/sync'
import type { FromThread, Outcome, SyncThreadData, SyncWork, Told, ToThread } from '../workers/messages.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { answerForToken } from './token-desk.ts'

export interface SyncThreadListener {
  progress?(progress: RunProgress): void
  told?(told: readonly Told[]): void
}

/** So long a thread that is to end may take; then it is cut off, which leaves its target as a kill would. */
const endingMs = 5000

/** Work on a sync in a thread of its own, so that nothing of it holds up the thread that serves tokens. */
export class SyncThread {
  /** How it ended; never rejects. */
  readonly outcome: Promise<Outcome>
  readonly #worker: Worker
  #cutOff: NodeJS.Timeout | undefined

  constructor(plan: SyncPlan, work: SyncWork, tokens: TokenManager, listener: SyncThreadListener = {}) {
    const worker = startThread('../workers/sync-worker', import.meta.url, {
      name: `hotwell-sync-${plan.name}`,
      data: { plan, work } satisfies SyncThreadData,
      conditions: ['hotwell-source'],
    })
    this.#worker = worker
    this.outcome = new Promise(resolve => {
      let ended: Outcome | undefined
      worker.on('message', async (message: FromThread) => {
        if (message.kind === 'progress') listener.progress?.(message.progress)
        else if (message.kind === 'told') listener.told?.(message.told)
        else if (message.kind === 'ended') ended = message.outcome
        else this.#post(await answerForToken(tokens, plan.refs, message))
      })
      let cause: unknown
      worker.on('error', error => (cause = error))
      // Once it is gone, so that the next one finds the target free.
      worker.on('exit', () => {
        clearTimeout(this.#cutOff)
        resolve(ended ?? this.#died(cause))
      })
    })
    // Last: a listener for messages takes the reference back.
    worker.unref()
  }

  pause(): void {
    this.#post({ kind: 'pause' })
  }

  resume(): void {
    this.#post({ kind: 'resume' })
  }

  /** What is written stays. */
  cancel(): void {
    this.#post({ kind: 'cancel' })
    this.#cutOff ??= setTimeout(() => void this.#worker.terminate(), endingMs)
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #died(cause: unknown): Outcome {
    if (this.#cutOff) return { state: 'cancelled' }
    const why = cause instanceof Error ? cause.message : 'nobody knows why'
    return {
      state: 'failed',
      error: { code: 'run_failed', message: `The thread of the sync ended: ${why}`, retryable: false },
    }
  }
}
