import { type Clock, RateGate, sleep } from 'hotwell/core'
import type { ModelProvider } from './model-provider.ts'

interface Kept {
  readonly value: string
  readonly hardAt: number
}

/**
 * The control: a sound cache with single flight and the provider's quota, that keeps a token until it expires and
 * renews nothing ahead by itself. Plain polling is this and {@link poll}.
 */
export class ExpiryCache {
  readonly #clock: Clock
  readonly #provider: ModelProvider
  readonly #rate: RateGate
  readonly #kept: (Kept | undefined)[]
  readonly #flights: (Promise<string> | undefined)[]
  #turn: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, provider: ModelProvider, options: { tokens: number; perSecond: number }) {
    this.#clock = clock
    this.#provider = provider
    this.#rate = new RateGate({ clock, quota: { perSecond: options.perSecond, burst: 1 } })
    this.#kept = new Array(options.tokens).fill(undefined)
    this.#flights = new Array(options.tokens).fill(undefined)
  }

  peek(token: number): string | undefined {
    const kept = this.#kept[token]
    return kept && this.#clock.monotonic() < kept.hardAt ? kept.value : undefined
  }

  get(token: number): Promise<string> {
    const value = this.peek(token)
    return value === undefined ? this.#acquire(token) : Promise.resolve(value)
  }

  /** Renews what has less than `thresholdMs` left; then again and again. */
  poll(everyMs: number, thresholdMs: number): void {
    this.#clock.schedule(() => {
      const soon = this.#clock.monotonic() + thresholdMs
      for (const [token, kept] of this.#kept.entries()) {
        if (kept && kept.hardAt < soon) this.#acquire(token).catch(() => {})
      }
      this.poll(everyMs, thresholdMs)
    }, everyMs)
  }

  #acquire(token: number): Promise<string> {
    return (this.#flights[token] ??= this.#fetch(token).finally(() => {
      this.#flights[token] = undefined
    }))
  }

  async #fetch(token: number): Promise<string> {
    this.#turn = this.#turn.then(() => this.#pass())
    await this.#turn
    const sentAt = this.#clock.monotonic()
    const { value, expiresInSeconds } = await this.#provider.issue(token)
    this.#kept[token] = { value, hardAt: sentAt + expiresInSeconds * 1000 }
    return value
  }

  /** One after the other, lest thousands wake for one place. */
  async #pass(): Promise<void> {
    while (!this.#rate.take()) await sleep(this.#clock, this.#rate.nextAt() - this.#clock.monotonic())
  }
}
