import type { RawReply } from './raw-reply.ts'

export interface FaultSettings {
  /** Milliseconds (of real time) that each request waits before it is handled. @default 0 */
  latencyMs?: number
  /** Up to so many milliseconds more, at random. @default 0 */
  latencyJitterMs?: number
  /** Share of requests, 0 to 1, answered with HTTP 503. @default 0 */
  failureRate?: number
  /** Share of requests, 0 to 1, refused as too many. @default 0 */
  rate429?: number
  /** A real limit: more requests in a second than this are refused as too many. @default no limit */
  limitPerSecond?: number
  /** Seconds that a refusal of either kind asks the caller to wait. @default 1 */
  retryAfterSeconds?: number
  /** Header that carries those seconds. @default `retry-after`; at the Lark simulator `x-ogw-ratelimit-reset` */
  retryAfterHeader?: string
  /** Share of requests, 0 to 1, that are carried out and then cut off without a reply: their outcome is unknown to the caller. @default 0 */
  cutRate?: number
  /** A reply of your own (HTML, garbage, an odd status), or undefined to handle the request as usual. */
  respond?: (request: { method: string; path: string }) => RawReply | undefined
  /** Only requests to paths that begin with one of these meet a fault. @default all */
  paths?: readonly string[]
  /** After so many requests with a fault (waiting does not count) the service is well again. @default for ever */
  times?: number
}

/** How a service words its refusals. */
export interface FaultDialect {
  retryAfterHeader: string
  unavailable(): RawReply
  tooMany(headers: Record<string, string>): RawReply
}

export type FaultVerdict = { waitMs: number; cut: boolean; reply: RawReply | undefined }

const RATES = ['failureRate', 'rate429', 'cutRate'] as const

/** The faults of one service, settable while it runs. Two services never share faults; the same seed fails the same requests. */
export class Faults {
  #settings: FaultSettings = {}
  #bucket: { tokens: number; filledAt: number } | undefined
  readonly #dialect: FaultDialect
  readonly #random: () => number
  readonly #now: () => number

  constructor(dialect: FaultDialect, random: () => number, now: () => number) {
    this.#dialect = dialect
    this.#random = random
    this.#now = now
  }

  /** Changes the named settings and leaves the others; `undefined` takes one back to its default. */
  set(settings: FaultSettings): void {
    for (const name of RATES) {
      const rate = settings[name] ?? 0
      if (!(rate >= 0 && rate <= 1)) throw new RangeError(`${name} is a share from 0 to 1, not ${rate}`)
    }
    this.#settings = { ...this.#settings, ...settings }
    if ('limitPerSecond' in settings) this.#bucket = undefined
  }

  /** Back to a healthy service. */
  clear(): void {
    this.#settings = {}
    this.#bucket = undefined
  }

  get settings(): Readonly<FaultSettings> {
    return this.#settings
  }

  /** Decided at arrival, so that the order of requests and the seed alone say which of them fail. */
  decide(request: { method: string; path: string }): FaultVerdict {
    const { latencyMs = 0, latencyJitterMs = 0, paths, times } = this.#settings
    if (paths && !paths.some(path => request.path.startsWith(path))) return { waitMs: 0, cut: false, reply: undefined }
    const waitMs = latencyMs + (latencyJitterMs > 0 ? latencyJitterMs * this.#random() : 0)
    const reply = this.#refusal() ?? this.#settings.respond?.(request)
    const cut = !reply && this.#happens(this.#settings.cutRate)
    if (times !== undefined && (cut || reply)) {
      // The last one leaves nothing behind that would weaken the next `set`.
      this.#settings = times > 1 ? { ...this.#settings, times: times - 1 } : { latencyMs, latencyJitterMs, paths }
    }
    return { waitMs, cut, reply }
  }

  #refusal(): RawReply | undefined {
    const { failureRate, rate429, retryAfterSeconds = 1 } = this.#settings
    const { retryAfterHeader = this.#dialect.retryAfterHeader } = this.#settings
    if (this.#overLimit() || this.#happens(rate429)) {
      return this.#dialect.tooMany({ [retryAfterHeader]: String(retryAfterSeconds) })
    }
    return this.#happens(failureRate) ? this.#dialect.unavailable() : undefined
  }

  #happens(rate = 0): boolean {
    return rate > 0 && this.#random() < rate
  }

  /** A bucket that holds one second's worth, at least one request. */
  #overLimit(): boolean {
    const { limitPerSecond } = this.#settings
    if (limitPerSecond === undefined) return false
    const now = this.#now()
    const capacity = Math.max(1, limitPerSecond)
    const { tokens, filledAt } = (this.#bucket ??= { tokens: capacity, filledAt: now })
    const refilled = Math.min(capacity, tokens + (Math.max(0, now - filledAt) / 1000) * limitPerSecond)
    const allowed = refilled >= 1
    this.#bucket = { tokens: allowed ? refilled - 1 : refilled, filledAt: now }
    return !allowed
  }
}
