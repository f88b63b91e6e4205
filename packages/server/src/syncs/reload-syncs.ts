import type { Logger, TokenManager } from 'hotwell'
import { type LoadConfigOptions, loadConfig } from '../config/load-config.ts'
import { type PlanPlace, planSyncs } from '../config/plan-syncs.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { assertSyncTokens } from './assert-sync-tokens.ts'
import type { Syncs } from './syncs.ts'

export interface ReloadSyncsParts {
  readonly syncs: Syncs
  readonly tokens: TokenManager
  readonly log: Logger
  /** What was read at the start; undefined where there is no file. */
  readonly path: string | undefined
  readonly options: LoadConfigOptions
  readonly place: PlanPlace
}

/**
 * A reload that takes the syncs of a changed configuration as well: they are checked before anything is swapped, and
 * swapped after the rest was.
 */
export function reloadingSyncs(reload: () => Promise<boolean>, parts: ReloadSyncsParts): () => Promise<boolean> {
  const { syncs, tokens, log, path, options, place } = parts
  return async () => {
    if (path === undefined) return reload()
    const plans = await planned()
    if (!plans || !(await reload())) return false
    try {
      // Their providers may have come with this configuration.
      assertSyncTokens(plans, tokens)
      await syncs.configure(plans)
      return true
    } catch (error) {
      log.error({ err: error }, `The syncs of the new configuration are refused: ${(error as Error).message}`)
      return false
    }
  }

  async function planned(): Promise<SyncPlan[] | undefined> {
    try {
      return await planSyncs(await loadConfig({ ...options, configFile: path }), place)
    } catch (error) {
      log.error({ err: error }, `The new configuration is refused, the old one stays: ${(error as Error).message}`)
      return undefined
    }
  }
}
