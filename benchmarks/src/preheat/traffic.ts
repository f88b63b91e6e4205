import type { Clock } from 'hotwell/core'
import { poisson } from '../harness/statistics.ts'
import type { ModelProvider } from './model-provider.ts'

/** What requests are put to. */
export interface Served {
  peek(token: number): string | undefined
  get(token: number): Promise<string>
}

export interface TrafficFigures {
  requests: number
  /** Requests that found no token to serve, although this one had been acquired before. */
  blocked: number
  /** How long these waited, in all. */
  waitedMs: number
  /** Of these, those that got an error. */
  failed: number
}

/** Requests of this many ms are served together: one call of the clock for all of them. */
const sliceMs = 250

/**
 * Requests for each token at random instants (Poisson), so many a minute on average. All tokens together are one such
 * stream in which each request is for a token at random.
 */
export function startTraffic(
  clock: Clock,
  served: Served,
  options: { provider: ModelProvider; random: () => number; tokens: number; perMinute: number },
): TrafficFigures {
  const { provider, random, tokens, perMinute } = options
  const mean = (tokens * perMinute * sliceMs) / 60_000
  const figures: TrafficFigures = { requests: 0, blocked: 0, waitedMs: 0, failed: 0 }

  function ask(token: number): void {
    const known = provider.issued[token]! > 0
    if (known) figures.requests++
    if (served.peek(token) !== undefined) {
      served.get(token)
      return
    }
    const askedAt = clock.monotonic()
    if (known) figures.blocked++
    served.get(token).then(
      () => {
        if (known) figures.waitedMs += clock.monotonic() - askedAt
      },
      () => {
        if (known) figures.failed++
      },
    )
  }

  function slice(): void {
    for (let count = poisson(mean, random); count > 0; count--) ask(Math.floor(random() * tokens))
    clock.schedule(slice, sliceMs)
  }
  clock.schedule(slice, sliceMs)
  return figures
}
