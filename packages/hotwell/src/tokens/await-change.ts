import type { Clock } from '../core/clock.ts'
import type { TokenKey, TokenStore } from './token-store.ts'

/**
 * Lets a loser wait for what the holder of a claim does. It watches from the first wait on, and that one returns at
 * once, so that a change between the claim and the watching is not missed.
 */
export function awaitChange(store: TokenStore, key: TokenKey, clock: Clock, signal: AbortSignal) {
  let unwatch: (() => void) | undefined
  let changed: (() => void) | undefined
  /** It changed while nobody waited, which is after the claim was refused. */
  let missed = false
  return {
    /** Returns when the key has changed, or after `atMostMs`, or throws the signal's reason. */
    async wait(atMostMs: number): Promise<void> {
      signal.throwIfAborted()
      if (!unwatch) {
        const listener = ({ id }: { id: string }) => {
          if (id !== key.id) return
          if (changed) changed()
          else missed = true
        }
        unwatch = store.watch(listener, { urgent: true })
        return
      }
      if (missed) {
        missed = false
        return
      }
      await new Promise<void>((resolve, reject) => {
        const aborted = () => finish(() => reject(signal.reason))
        const timer = clock.schedule(() => finish(resolve), Math.max(1, atMostMs))
        const finish = (end: () => void) => {
          timer.cancel()
          signal.removeEventListener('abort', aborted)
          changed = undefined
          end()
        }
        changed = () => finish(resolve)
        signal.addEventListener('abort', aborted, { once: true })
      })
    },
    stop(): void {
      unwatch?.()
    },
  }
}
