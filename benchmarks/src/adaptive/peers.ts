import type { AdaptiveLimit, AttemptOutcome } from 'hotwell/concurrency'

/** Additive increase, multiplicative decrease: one more for each success under load, a tenth less for each error. */
export class Aimd implements AdaptiveLimit {
  limit = 20
  #inFlight = 0

  begin(): void {
    this.#inFlight++
  }

  end(outcome: AttemptOutcome): void {
    if (outcome !== 'ok') this.limit = Math.floor(this.limit * 0.9)
    else if (this.#inFlight * 2 >= this.limit) this.limit++
    this.limit = Math.min(200, Math.max(1, this.limit))
    this.#inFlight--
  }
}

/**
 * The published gradient rule with its defaults: the long mean (600 windows) × 1.5 ÷ the mean of the last second is the
 * gradient, four are always added, and a fifth of the new limit is taken. Errors do not matter to it.
 */
export class PublishedGradient implements AdaptiveLimit {
  limit = 20
  #exact = 20
  #inFlight = 0
  #peak = 0
  #startedAt: number | undefined
  #count = 0
  #sum = 0
  #long = 0
  #windows = 0

  begin(): void {
    this.#peak = Math.max(this.#peak, ++this.#inFlight)
  }

  end(outcome: AttemptOutcome, startedAt: number, now: number): void {
    this.#startedAt ??= startedAt
    this.#inFlight--
    if (outcome === 'ok') {
      this.#count++
      this.#sum += now - startedAt
    }
    if (this.#count < 10 || now - this.#startedAt < 1000) return
    this.#close(this.#sum / this.#count)
    this.#startedAt = now
    this.#count = this.#sum = this.#peak = 0
  }

  #close(short: number): void {
    this.#windows++
    // Its long mean is the plain one for the first ten windows.
    this.#long += (short - this.#long) * (this.#windows <= 10 ? 1 / this.#windows : 2 / 601)
    if (this.#long > 2 * short) this.#long *= 0.95
    if (this.#peak * 2 < this.#exact) return
    const gradient = Math.max(0.5, Math.min(1, (1.5 * this.#long) / short))
    this.#exact = Math.min(200, Math.max(20, 0.8 * this.#exact + 0.2 * (this.#exact * gradient + 4)))
    this.limit = Math.floor(this.#exact)
  }
}
