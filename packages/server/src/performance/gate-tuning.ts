import { randomBytes } from 'node:crypto'
import { type GateUsage, HotwellError, type TokenManager } from 'hotwell'
import type { GateLimits } from 'hotwell/concurrency'
import { type LimitBounds, tunableLimits } from 'hotwell/monitoring'
import type { CheckedConfig } from '../config/config-schema.ts'

type GateConfig = CheckedConfig['gate']

interface Change {
  readonly id: string
  readonly before: GateLimits
  readonly after: GateLimits
}

/**
 * The limits of the gate as they are in force: those of the configuration, and on top of them changes that were applied
 * while running. They last until they are taken back, the newest first, until the configuration gets other limits, or
 * until the process ends.
 */
export class GateTuning {
  readonly #tokens: Pick<TokenManager, 'gateUsage' | 'configureGate'>
  #configured: GateConfig
  /** Those of the configuration, with the defaults. */
  #base: GateUsage['limits']
  #changes: Change[] = []

  constructor(tokens: Pick<TokenManager, 'gateUsage' | 'configureGate'>, configured: GateConfig) {
    this.#tokens = tokens
    this.#configured = configured
    this.#base = tokens.gateUsage().limits
  }

  /**
   * Within what an applied change may move each limit: as configured, else from 1 to four times the configured limit,
   * so that one change after the other does not lead anywhere.
   */
  get bounds(): LimitBounds {
    const { bounds = {} } = this.#configured
    const entries = tunableLimits.map(limit => {
      const { min = 1, max = Math.max(min, this.#base[limit] * 4) } = bounds[limit] ?? {}
      return [limit, { min, max }]
    })
    return Object.fromEntries(entries)
  }

  /** Puts limits in force. Returns the id to take them back with; undefined where they are in force already. */
  apply(limits: GateLimits): string | undefined {
    const current = this.#tokens.gateUsage().limits
    const changed = Object.entries(limits).filter(([field, value]) => current[field as keyof GateLimits] !== value)
    if (changed.length === 0) return undefined
    const before = Object.fromEntries(changed.map(([field]) => [field, current[field as keyof GateLimits]]))
    const after = Object.fromEntries(changed)
    this.#tokens.configureGate(after)
    const id = randomBytes(4).toString('hex')
    this.#changes.push({ id, before, after })
    return id
  }

  /**
   * Puts back what was in force before the change, and returns that.
   * @throws HotwellError `not_found`; `conflict` where newer changes lie on top
   */
  undo(id: string): GateLimits {
    const change = this.#changes.find(known => known.id === id)
    if (!change) {
      const why = 'It was taken back already, or other limits came with the configuration or a restart.'
      throw new HotwellError('not_found', `There is no change ${JSON.stringify(id.slice(0, 40))} to take back. ${why}`)
    }
    const newer = this.#changes.slice(this.#changes.indexOf(change) + 1).map(known => known.id)
    if (newer.length > 0) {
      const first = newer.reverse().join(', ')
      throw new HotwellError(
        'conflict',
        `Newer changes lie on top of ${id}; take those back first, in this order: ${first}.`,
      )
    }
    this.#tokens.configureGate(change.before)
    this.#changes.pop()
    return change.before
  }

  /** The limits that should be in force with this configuration: where its limits are the same, changes stay. */
  limitsWith(configured: GateConfig): GateLimits {
    const limits = limitsOf(configured)
    return this.#stays(configured) ? Object.assign(limits, ...this.#changes.map(({ after }) => after)) : limits
  }

  /** After {@link limitsWith} was put in force. */
  configure(configured: GateConfig): void {
    if (!this.#stays(configured)) {
      this.#changes = []
      this.#base = this.#tokens.gateUsage().limits
    }
    this.#configured = configured
  }

  #stays(configured: GateConfig): boolean {
    return JSON.stringify(limitsOf(configured)) === JSON.stringify(limitsOf(this.#configured))
  }
}

/** Without the bounds, which are none of the gate's. */
export function limitsOf({ bounds: _, ...limits }: GateConfig): GateLimits {
  return limits
}
