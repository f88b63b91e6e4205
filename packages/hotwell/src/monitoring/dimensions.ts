import type { DimensionFigures, PerformanceDimensions } from './performance-snapshot.ts'

/** What is known of an acquisition besides how it ended. */
export interface DimensionNames {
  readonly provider?: string
  readonly kind?: string
  readonly site?: string
  readonly account?: string
}

interface Figures {
  total: number
  successful: number
  durationSeconds: number
  maxDurationSeconds: number
}

/** Providers and kinds come from the configuration; accounts have no end. */
const mostAccounts = 1000

/** Outcomes by provider, kind, site and account. */
export class Dimensions {
  readonly #byProvider = new Map<string, Figures>()
  readonly #byKind = new Map<string, Figures>()
  readonly #bySite = new Map<string, Figures>()
  /** The one used last at the end. */
  readonly #byAccount = new Map<string, Figures>()
  #forgottenAccounts = 0

  record({ provider, kind, site, account }: DimensionNames, success: boolean, seconds: number): void {
    if (provider !== undefined) {
      add(this.#byProvider, provider, success, seconds)
      if (kind !== undefined) add(this.#byKind, `${provider}/${kind}`, success, seconds)
    }
    if (site === undefined) return
    add(this.#bySite, site, success, seconds)
    if (account === undefined) return
    const key = `${site}/${account}`
    const figures = add(this.#byAccount, key, success, seconds)
    this.#byAccount.delete(key)
    this.#byAccount.set(key, figures)
    if (this.#byAccount.size <= mostAccounts) return
    this.#byAccount.delete(this.#byAccount.keys().next().value!)
    this.#forgottenAccounts++
  }

  figures(): PerformanceDimensions {
    return {
      byProvider: shown(this.#byProvider),
      byKind: shown(this.#byKind),
      bySite: shown(this.#bySite),
      byAccount: shown(this.#byAccount),
      forgottenAccounts: this.#forgottenAccounts,
    }
  }

  reset(): void {
    for (const map of [this.#byProvider, this.#byKind, this.#bySite, this.#byAccount]) map.clear()
    this.#forgottenAccounts = 0
  }
}

function add(map: Map<string, Figures>, key: string, success: boolean, seconds: number): Figures {
  let figures = map.get(key)
  if (!figures) map.set(key, (figures = { total: 0, successful: 0, durationSeconds: 0, maxDurationSeconds: 0 }))
  figures.total++
  if (success) figures.successful++
  figures.durationSeconds += seconds
  if (seconds > figures.maxDurationSeconds) figures.maxDurationSeconds = seconds
  return figures
}

function shown(map: ReadonlyMap<string, Figures>): Record<string, DimensionFigures> {
  const entries = [...map].map(
    ([key, { total, successful, durationSeconds, maxDurationSeconds }]): [string, DimensionFigures] => [
      key,
      {
        total,
        successful,
        failed: total - successful,
        successRate: successful / total,
        avgDurationSeconds: durationSeconds / total,
        maxDurationSeconds,
      },
    ],
  )
  return Object.fromEntries(entries)
}
