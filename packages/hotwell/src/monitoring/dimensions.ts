import { GroupedFigures } from './grouped-figures.ts'
import type { PerformanceDimensions } from './performance-snapshot.ts'

/** What is known of an acquisition besides how it ended. */
export interface DimensionNames {
  readonly provider?: string
  readonly kind?: string
  readonly site?: string
  readonly account?: string
}

/** Outcomes by provider, kind, site and account. */
export class Dimensions {
  readonly #providers = new GroupedFigures()
  readonly #sites = new GroupedFigures()

  record({ provider, kind, site, account }: DimensionNames, success: boolean, seconds: number): void {
    if (provider !== undefined) this.#providers.record(provider, kind, success, seconds)
    if (site !== undefined) this.#sites.record(site, account, success, seconds)
  }

  figures(): PerformanceDimensions {
    return {
      byProvider: this.#providers.groups(),
      byKind: this.#providers.members(),
      bySite: this.#sites.groups(),
      byAccount: this.#sites.members(),
      forgottenAccounts: this.#sites.forgotten,
    }
  }

  reset(): void {
    this.#providers.reset()
    this.#sites.reset()
  }
}
