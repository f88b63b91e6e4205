import { type HotwellError, isHotwellError } from 'hotwell'
import {
  type AdaptiveLimit,
  createExecutor,
  createGradientLimit,
  type Executor,
  type ExecutorConcurrency,
  type TaskOutcome,
} from 'hotwell/concurrency'

export interface BulkLaneOptions {
  /** Whether it makes logins. A login whose password may have left is never repeated: each could be a wrong one more. */
  logins: boolean
  /** How many the gate would let run at once now. */
  mostAtOnce: () => number
  /** Replaces the adaptive limit. @default the gradient rule within what the gate lets run */
  concurrency?: ExecutorConcurrency | undefined
}

/** Runs the bulk acquisitions of one provider, as many at once as it bears and the gate would let run. */
export function createBulkLane({ logins, mostAtOnce, concurrency }: BulkLaneOptions): Executor {
  return createExecutor({
    concurrency: concurrency ?? withinGate(mostAtOnce),
    // What the manager has asked three times already is asked again only for reasons that pass.
    retries: 3,
    classify: settled => (settled.status === 'fulfilled' ? { outcome: 'ok' } : outcomeOf(settled.reason, logins)),
    retryable: error => isHotwellError(error) && mayRepeat(error, logins),
  })
}

/** The gate learns a provider's rate from its 429s, for all who acquire; learnt twice it would be far too slow. */
function outcomeOf(error: unknown, logins: boolean): TaskOutcome {
  if (!isHotwellError(error)) return { outcome: 'failed' }
  const { code, retryAfterMs } = error
  const isOverload = mayRepeat(error, logins) && code !== 'rate_limited' && !error.details.remembered
  return { outcome: isOverload ? 'overloaded' : 'failed', retryAfterMs }
}

function mayRepeat({ code }: HotwellError, logins: boolean): boolean {
  return neverSent.has(code) || (!logins && passing.has(code))
}

/** Nobody was asked. */
const neverSent: ReadonlySet<string> = new Set(['queue_timeout', 'store_unavailable'])
const passing: ReadonlySet<string> = new Set(['rate_limited', 'timeout'])

/**
 * The gradient rule, and never more than the gate lets run: what waits there runs out of time, what waits in the
 * executor does not.
 */
function withinGate(mostAtOnce: () => number): AdaptiveLimit {
  const rule = createGradientLimit()
  let most = mostAtOnce()
  return {
    get limit() {
      return Math.max(1, Math.min(rule.limit, most))
    },
    begin: () => rule.begin(),
    end(outcome, startedAt, now) {
      most = mostAtOnce()
      // In no time it came from memory, because somebody else had acquired it; that says nothing of the provider.
      rule.end(outcome === 'ok' && now - startedAt < 1 ? 'failed' : outcome, startedAt, now)
    },
  }
}
