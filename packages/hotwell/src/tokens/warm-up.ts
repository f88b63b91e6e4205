import type { Clock } from '../core/clock.ts'
import type { TokenEntry } from './token-entry.ts'

/** How far the manifest is. */
export interface ReadyReport {
  /** True when every token of the manifest is there or has failed once. */
  readonly ready: boolean
  readonly warm: readonly string[]
  readonly failed: readonly { readonly ref: string; readonly code: string; readonly message: string }[]
  readonly pending: readonly string[]
}

/** More at once would only queue at the gate. */
const atOnce = 16

/** Acquires the tokens of the manifest, and says when each is there or has failed once. */
export function warmUp(entries: readonly TokenEntry[], clock: Clock) {
  const waiting = entries.filter(entry => !entry.alive)
  const done = Promise.all(Array.from({ length: atOnce }, () => work())).then(() => {})

  async function work(): Promise<void> {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
      // Its failure is kept by the entry and told by the record.
      await entry.preheat().catch(() => {})
    }
  }

  function now(): ReadyReport {
    const warm = entries.filter(entry => entry.alive)
    const failed = entries.filter(entry => !entry.alive && entry.failures.last)
    const pending = entries.filter(entry => !entry.alive && !entry.failures.last)
    return {
      ready: pending.length === 0,
      warm: warm.map(entry => entry.ref.canonical),
      failed: failed.map(failureOfEntry),
      pending: pending.map(entry => entry.ref.canonical),
    }
  }

  return {
    /** Waits until all have been tried, at most `timeoutSeconds` (default 30; 0 tells how it is now). */
    async report({
      timeoutSeconds = 30,
      signal,
    }: {
      timeoutSeconds?: number
      signal?: AbortSignal
    }): Promise<ReadyReport> {
      if (timeoutSeconds <= 0 || now().ready) return now()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = clock.schedule(resolve, timeoutSeconds * 1000)
      const aborted = () => reject(signal?.reason)
      signal?.addEventListener('abort', aborted, { once: true })
      done.then(resolve)
      try {
        signal?.throwIfAborted()
        await promise
      } finally {
        timer.cancel()
        signal?.removeEventListener('abort', aborted)
      }
      return now()
    },
  }
}

function failureOfEntry({ ref, failures }: TokenEntry) {
  const { code, message } = failures.last!.error
  return { ref: ref.canonical, code, message }
}
