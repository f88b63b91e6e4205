import { createHmac, randomUUID } from 'node:crypto'
import { backoffMs } from '../core/backoff.ts'
import { type Clock, sleep } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { invalidAlerts, refuseUnknown, shownValue } from './invalid-alerts.ts'
import { postOnce } from './webhook-request.ts'

/** Where alerts are posted. */
export interface WebhookTarget {
  /** `https`, or `http`. Logs show its origin alone, because the rest often is the key to a chat room. */
  url: string
  /** Signs every delivery. @default none: deliveries are not signed */
  secret?: string
  /** The longest that one delivery may take, in seconds. @default 5 */
  timeoutSeconds?: number
  /** How often a delivery is tried again. @default 3 */
  retries?: number
}

export interface WebhookOptions extends WebhookTarget {
  clock: Clock
  logger: Logger
}

/** Posts what happens to a URL, one delivery after the other. It never keeps the process alive. */
export interface Webhook {
  /** Puts it into the queue. Never throws and never waits. */
  send(body: object): void
  /** Deliveries given up since the start: refused, tried too often, or too many waited. */
  readonly failed: number
  /** Resolves when all that was sent is delivered or given up. */
  drained(): Promise<void>
  /** Gives up what waits. */
  close(): void
}

/** While the target is away, the oldest alerts are the first to lose their worth. */
const mostWaiting = 100
const longestRetryAfterMs = 300_000

/**
 * Each delivery is a POST of JSON with `X-Hotwell-Delivery` (the same at each try) and `X-Hotwell-Timestamp` (seconds since 1970); with a
 * secret also `X-Hotwell-Signature: sha256=…`, the hex HMAC-SHA256 of timestamp, a full stop and the body (RFC 2104). A
 * receiver compares it in constant time and refuses old timestamps. Network failures, time-outs, 429 and 5xx are tried
 * again, after 1 s, 2 s, 4 s with jitter, or what `Retry-After` says up to five minutes; redirects are not followed,
 * because the signed body is meant for this URL alone.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function createWebhook(options: WebhookOptions): Webhook {
  const { url, secret, timeoutSeconds = 5, retries = 3, clock, logger } = options
  const target = checkedWebhook({ url, secret, timeoutSeconds, retries })
  // Of some receivers the path is the secret.
  const shown = target.origin
  const closing = new AbortController()
  const waiting: string[] = []
  let working: Promise<void> | undefined
  let failed = 0

  function send(body: object): void {
    if (closing.signal.aborted) return
    waiting.push(JSON.stringify(body))
    if (waiting.length > mostWaiting) {
      waiting.shift()
      failed++
      logger.warn({ webhook: shown, mostWaiting }, 'The alert webhook is too slow: the oldest delivery was given up')
    }
    working ??= work().finally(() => (working = undefined))
  }

  async function work(): Promise<void> {
    for (let body = waiting.shift(); body !== undefined && !closing.signal.aborted; body = waiting.shift()) {
      const problem = await deliver(body)
      if (problem === undefined) continue
      failed++
      logger.warn({ webhook: shown, problem }, `An alert could not be delivered: ${problem}`)
    }
  }

  /** Why it was given up; undefined when it was delivered. */
  async function deliver(body: string): Promise<string | undefined> {
    const id = randomUUID()
    for (let attempt = 1; ; attempt++) {
      const { problem, again, retryAfterMs = 0 } = await post(id, body)
      if (problem === undefined) return undefined
      if (!again || attempt > retries || closing.signal.aborted) return `${problem} (attempt ${attempt})`
      // No shorter than what the receiver asks for, and no herd where many machines have one receiver.
      const pauseMs = Math.max(retryAfterMs, backoffMs(attempt, { baseMs: 1000, maxMs: 30_000 }))
      await sleep(clock, pauseMs, closing.signal).catch(() => {})
    }
  }

  async function post(id: string, body: string): Promise<{ problem?: string; again?: boolean; retryAfterMs?: number }> {
    const timeout = new AbortController()
    const timer = clock.schedule(() => timeout.abort(), timeoutSeconds * 1000)
    const timestamp = String(Math.floor(clock.now() / 1000))
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'user-agent': 'hotwell',
      'x-hotwell-delivery': id,
      'x-hotwell-timestamp': timestamp,
    }
    if (secret) headers['x-hotwell-signature'] = signatureOf(secret, timestamp, body)
    try {
      const signal = AbortSignal.any([timeout.signal, closing.signal])
      const { status, retryAfter } = await postOnce(target, body, { headers, signal })
      if (status >= 200 && status < 300) return {}
      if (status >= 300 && status < 400)
        return { problem: `it answers HTTP ${status}, a redirect, which is not followed: give the final URL` }
      const retryAfterMs = Math.min(longestRetryAfterMs, retryAfterOf(retryAfter, clock.now()))
      return { problem: `it answers HTTP ${status}`, again: status === 429 || status >= 500, retryAfterMs }
    } catch (error) {
      if (timeout.signal.aborted) return { problem: `it did not answer within ${timeoutSeconds} s`, again: true }
      const { code, name } = error as NodeJS.ErrnoException
      return { problem: `it cannot be reached (${code ?? name})`, again: true }
    } finally {
      timer.cancel()
    }
  }

  return {
    send,
    get failed() {
      return failed
    },
    drained: async () => working,
    close() {
      closing.abort()
      waiting.length = 0
    },
  }
}

/** The value of `X-Hotwell-Signature`. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

/** In milliseconds from now: seconds or an HTTP date (RFC 9110, section 10.2.3); 0 for what is neither. */
function retryAfterOf(value: string | undefined, now: number): number {
  if (!value) return 0
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1000
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}

const known: readonly (keyof WebhookTarget)[] = ['url', 'secret', 'timeoutSeconds', 'retries']

/** @throws HotwellError `invalid_configuration`, naming the option; never with a secret in it */
export function checkedWebhook(webhook: WebhookTarget): URL {
  // Its value is not shown: a URL alone, written where the object should be, may be a secret.
  if (typeof webhook !== 'object' || webhook === null) throw invalidAlerts('webhook', 'has to be an object with a url.')
  refuseUnknown(webhook, known, 'webhook.')
  const { url, secret, timeoutSeconds = 5, retries = 3 } = webhook
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalidAlerts('webhook.url', 'has to be a URL.')
  const target = new URL(url)
  if (target.protocol !== 'https:' && target.protocol !== 'http:')
    throw invalidAlerts('webhook.url', `has to begin with https:// or http://, not ${target.protocol}`)
  if (target.username || target.password)
    throw invalidAlerts('webhook.url', 'must not hold a user name or a password; sign deliveries with webhook.secret.')
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < 8))
    throw invalidAlerts('webhook.secret', 'has to have at least 8 characters.')
  if (!(typeof timeoutSeconds === 'number' && timeoutSeconds > 0 && timeoutSeconds <= 60))
    throw invalidAlerts(
      'webhook.timeoutSeconds',
      `has to be above 0 and at most 60, not ${shownValue(timeoutSeconds)}.`,
    )
  if (!Number.isInteger(retries) || retries < 0 || retries > 10)
    throw invalidAlerts('webhook.retries', `has to be a whole number from 0 to 10, not ${shownValue(retries)}.`)
  return target
}
