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

/** Once there are many, the one used last at the end. */
type FiguresByName = Map<string, Figures>

/** Of accounts there is no end, and of whatever else is told by hand. */
const mostKept = 1000

/** Outcomes by provider, kind, site and account. */
export class Dimensions {
  readonly #byProvider: FiguresByName = new Map()
  readonly #byKind: FiguresByName = new Map()
  readonly #bySite: FiguresByName = new Map()
  readonly #byAccount: FiguresByName = new Map()
  #forgottenAccounts = 0

  record({ provider, kind, site, account }: DimensionNames, success: boolean, seconds: number): void {
    if (provider !== undefined) {
      add(this.#byProvider, provider, success, seconds)
      if (kind !== undefined) add(this.#byKind, `${provider}/${kind}`, success, seconds)
    }
    if (site === undefined) return
    add(this.#bySite, site, success, seconds)
    if (account !== undefined && add(this.#byAccount, `${site}/${account}`, success, seconds)) this.#forgottenAccounts++
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

/** True when the one used longest ago was given up for it. */
function add(map: FiguresByName, name: string, success: boolean, seconds: number): boolean {
  let figures = map.get(name)
  if (!figures) map.set(name, (figures = { total: 0, successful: 0, durationSeconds: 0, maxDurationSeconds: 0 }))
  figures.total++
  if (success) figures.successful++
  figures.durationSeconds += seconds
  if (seconds > figures.maxDurationSeconds) figures.maxDurationSeconds = seconds
  // To move it costs more than to count it, and who was used longest ago matters only where there are many.
  if (map.size <= mostKept / 2) return false
  map.delete(name)
  map.set(name, figures)
  if (map.size <= mostKept) return false
  map.delete(map.keys().next().value!)
  return true
}

function shown(map: Readonly<FiguresByName>): Record<string, DimensionFigures> {
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
