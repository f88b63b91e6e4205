import { isHotwellError } from '../core/errors.ts'
import type { AttemptOutcome } from './adaptive-limit.ts'

/** How an attempt ended, and after which time the backend wants to be asked again, if it said so. */
export interface TaskOutcome {
  readonly outcome: AttemptOutcome
  /** In milliseconds from now. */
  readonly retryAfterMs?: number | undefined
}

/** Tells how an attempt ended from what it returned or threw. */
export type ClassifyOutcome = (settled: PromiseSettledResult<unknown>) => TaskOutcome

const ok: TaskOutcome = Object.freeze({ outcome: 'ok' })
const failed: TaskOutcome = Object.freeze({ outcome: 'failed' })

/**
 * The default: HTTP statuses 429, 503 and 504 of a `Response` (with its `Retry-After`), or of an error that carries
 * `status` or `statusCode`; Hotwell's own errors by their code; time-outs of `AbortSignal.timeout` are `overloaded`.
 * A value is `ok` otherwise, an error `failed`.
 */
export function classifyOutcome(settled: PromiseSettledResult<unknown>): TaskOutcome {
  if (settled.status === 'fulfilled') {
    return settled.value instanceof Response ? ofResponse(settled.value) : ok
  }
  const error = settled.reason
  if (isHotwellError(error)) {
    const { code, retryAfterMs } = error
    if (code === 'rate_limited') return { outcome: 'rate_limited', retryAfterMs }
    return overloadCodes.has(code) ? { outcome: 'overloaded', retryAfterMs } : failed
  }
  if (typeof error !== 'object' || error === null) return failed
  const { name, status, statusCode = status } = error as { name?: unknown; status?: unknown; statusCode?: unknown }
  return name === 'TimeoutError' ? { outcome: 'overloaded' } : (ofStatus(statusCode) ?? failed)
}

const overloadCodes: ReadonlySet<string> = new Set([
  'timeout',
  'target_unavailable',
  'store_unavailable',
  'queue_timeout',
  'queue_full',
])

function ofResponse({ status, ok: isOk, headers }: Response): TaskOutcome {
  const outcome = ofStatus(status)
  if (outcome) return { ...outcome, retryAfterMs: retryAfterMs(headers.get('retry-after')) }
  return isOk || status < 500 ? ok : failed
}

function ofStatus(status: unknown): TaskOutcome | undefined {
  if (status === 429) return { outcome: 'rate_limited' }
  return status === 503 || status === 504 ? { outcome: 'overloaded' } : undefined
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3). */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
