import type { Clock, ScheduledCall } from '../core/clock.ts'
import { DeadlineHeap } from '../core/deadline-heap.ts'
import { HotwellError } from '../core/errors.ts'
import { share } from './lifetime.ts'
import type { TokenEntry } from './token-entry.ts'

/** When and how tokens are renewed before anybody asks. */
export interface PreheatOptions {
  /** How often everything is looked at again, in seconds. Only a safety net: deadlines do the work. @default 1800 */
  checkIntervalSeconds: number
  /**
   * How long before its end a token is renewed, in seconds; at most a quarter of its life, at least four times the
   * provider's P99. @default 900
   */
  thresholdSeconds: number
  /** Whether tokens of kind `tenant` are renewed ahead, too. @default true */
  tenantTokens: boolean
  /** How many tokens are renewed ahead at the same time. @default 3 */
  maxConcurrent: number
  /** Spreads renewals: up to this many seconds, differing from ref to ref, are added to the threshold. @default 0 */
  jitterSeconds: number
}

const standard: PreheatOptions = {
  checkIntervalSeconds: 1800,
  thresholdSeconds: 900,
  tenantTokens: true,
  maxConcurrent: 3,
  jitterSeconds: 0,
}

/** Presets of {@link PreheatOptions}. */
export const preheatPresets = {
  standard,
  light: { ...standard, checkIntervalSeconds: 3600, thresholdSeconds: 1800, tenantTokens: false, maxConcurrent: 1 },
  highFrequency: { ...standard, checkIntervalSeconds: 600, thresholdSeconds: 300, maxConcurrent: 5 },
  critical: { ...standard, checkIntervalSeconds: 120, thresholdSeconds: 300, maxConcurrent: 8 },
} as const satisfies Record<string, PreheatOptions>

export type PreheatPreset = keyof typeof preheatPresets

export interface PreheatStatus {
  readonly running: boolean
  readonly options: PreheatOptions
  /** Tokens that have a deadline. */
  readonly scheduled: number
  /** Tokens that are being renewed ahead now, and those that are due and wait for their turn. */
  readonly inFlight: number
  readonly waiting: number
  /** Wall clock, ms. */
  readonly nextDueAt?: number
  readonly nextRef?: string
  readonly renewed: number
  /** The provider returned the same token; tried again when it may return another. */
  readonly unchanged: number
  readonly failed: number
}

/**
 * Renews tokens ahead of their end: one heap of deadlines, one timer. It keeps the tokens in its heap that were asked
 * for within their last life, and the manifest. Several processes do not wake together, and whoever wakes finds in the
 * store whether another one has been faster.
 */
export class Preheater {
  readonly #clock: Clock
  readonly #node: string
  readonly #entries: () => Iterable<TokenEntry>
  readonly #reconsider: () => void
  readonly #heap: DeadlineHeap<TokenEntry>
  readonly #waiting = new Set<TokenEntry>()
  #options: PreheatOptions
  #running = false
  #closed = false
  #inFlight = 0
  #sweep: ScheduledCall | undefined
  #renewed = 0
  #unchanged = 0
  #failed = 0

  constructor(
    options: PreheatOptions = standard,
    facts: {
      clock: Clock
      node: string
      entries: () => Iterable<TokenEntry>
      reconsider: () => void
      onError: (error: unknown, ref: string) => void
    },
  ) {
    this.#options = options
    this.#clock = facts.clock
    this.#node = facts.node
    this.#entries = facts.entries
    this.#reconsider = facts.reconsider
    this.#heap = new DeadlineHeap(facts.clock, (error, { ref }) => facts.onError(error, ref.canonical))
  }

  get options(): PreheatOptions {
    return this.#options
  }

  /** Starts, or goes on with other options. What is left out stays as it is. */
  start(options: Partial<PreheatOptions> = {}): void {
    if (this.#closed) throw new HotwellError('closed', 'The token manager is closed; nothing is preheated any more.')
    this.#options = preheatOptions({ ...this.#options, ...options })
    this.#running = true
    this.#reconsider()
    for (const entry of this.#entries()) this.plan(entry)
    this.#heap.start(entry => this.#due(entry))
    this.#sweepAgain()
  }

  /** Starts no more renewals. Those under way go on; tokens are still renewed when somebody asks. */
  stop(): void {
    this.#running = false
    this.#heap.stop()
    this.#sweep?.cancel()
    this.#waiting.clear()
  }

  /** Stops for good. */
  close(): void {
    this.#closed = true
    this.stop()
  }

  status(): PreheatStatus {
    const next = this.#heap.peek()
    return {
      running: this.#running,
      options: this.#options,
      scheduled: this.#heap.size,
      inFlight: this.#inFlight,
      waiting: this.#waiting.size,
      nextDueAt: next && Math.round(this.#clock.now() + next.dueAt - this.#clock.monotonic()),
      nextRef: next?.item.ref.canonical,
      renewed: this.#renewed,
      unchanged: this.#unchanged,
      failed: this.#failed,
    }
  }

  /** Plans the renewal of a token whose instants have changed. */
  plan(entry: TokenEntry): void {
    // Whoever was faster has renewed it, or it is gone: it waits for nothing any more.
    this.#waiting.delete(entry)
    const dueAt = this.#covers(entry) ? this.#dueAt(entry) : undefined
    if (dueAt === undefined || dueAt === Number.POSITIVE_INFINITY) this.#heap.delete(entry)
    else this.#heap.set(entry, dueAt)
  }

  /** The entry is not kept any more. */
  forget(entry: TokenEntry): void {
    this.#heap.delete(entry)
    this.#waiting.delete(entry)
  }

  #covers({ ref, manifest }: TokenEntry): boolean {
    return manifest || this.#options.tenantTokens || ref.kind !== 'tenant'
  }

  #dueAt(entry: TokenEntry): number | undefined {
    const { current, failures, manifest } = entry
    const retryAt = failures.last?.retryAt ?? 0
    const now = this.#clock.monotonic()
    if (!current) return manifest ? Math.max(now, retryAt) : undefined
    const { softAt, marginMs, postponedTo } = current.lifetime
    if (postponedTo === softAt) return Math.max(softAt, retryAt)
    const rank = share(this.#node, entry.ref.canonical)
    return Math.max(softAt + (rank * marginMs) / 8, retryAt)
  }

  /** A token nobody asked for during a whole life may go cold; one of the manifest never does. */
  #wanted({ manifest, current, usedAt }: TokenEntry): boolean {
    if (manifest || current === undefined) return manifest
    return usedAt > this.#clock.tickOf(this.#clock.monotonic() - current.record.lifeMs)
  }

  #due(entry: TokenEntry): void {
    if (!this.#wanted(entry)) return
    this.#waiting.add(entry)
    this.#startWaiting()
  }

  #startWaiting(): void {
    for (const entry of this.#waiting) {
      if (this.#inFlight >= this.#options.maxConcurrent || !this.#running) return
      this.#waiting.delete(entry)
      // Somebody who asked was faster; that flight's end plans the next renewal.
      if (entry.flights.running) continue
      this.#inFlight++
      this.#renew(entry).finally(() => {
        this.#inFlight--
        this.#startWaiting()
      })
    }
  }

  async #renew(entry: TokenEntry): Promise<void> {
    const before = entry.current?.record.generation
    try {
      const { record } = await entry.preheat()
      if (record.generation === before) this.#unchanged++
      else this.#renewed++
    } catch {
      // The record of the acquisition tells it; the entry has planned the next attempt.
      this.#failed++
    }
  }

  #sweepAgain(): void {
    this.#sweep?.cancel()
    this.#sweep = this.#clock.schedule(() => {
      for (const entry of this.#entries()) {
        if (entry.flights.running || this.#waiting.has(entry) || this.#heap.dueAt(entry) !== undefined) continue
        if (this.#wanted(entry)) this.plan(entry)
      }
      this.#sweepAgain()
    }, this.#options.checkIntervalSeconds * 1000)
  }
}

/**
 * The options that a preset, an object or `undefined` (standard) stand for.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function preheatOptions(given: PreheatPreset | Partial<PreheatOptions> = 'standard'): PreheatOptions {
  if (typeof given === 'string') {
    const preset = preheatPresets[given]
    if (preset) return preset
    throw invalid(`there is no preset "${given}"; there are ${Object.keys(preheatPresets).join(', ')}`)
  }
  const options = { ...standard, ...given }
  for (const name of ['checkIntervalSeconds', 'thresholdSeconds', 'maxConcurrent', 'jitterSeconds'] as const) {
    const value = options[name]
    const least = name === 'jitterSeconds' ? 0 : name === 'maxConcurrent' ? 1 : 0.001
    if (
      typeof value !== 'number' ||
      !(value >= least) ||
      value > (name === 'thresholdSeconds' ? Number.MAX_SAFE_INTEGER : 2_000_000)
    ) {
      throw invalid(`\`${name}\` has to be a number from ${least} on, it is ${String(value)}`)
    }
  }
  return options
}

function invalid(why: string): HotwellError {
  return new HotwellError('invalid_configuration', `The option \`preheat\` is not valid: ${why}.`)
}
