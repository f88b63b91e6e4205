import type { Providers, RefText, TokenManager } from 'hotwell'
import { type ConfigurationProblem, configurationError } from '../config/configuration-error.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'

/**
 * Asks for the handle of each token that a sync may have, which acquires nothing.
 * @throws HotwellError `invalid_configuration` for those that their provider does not issue
 */
export function assertSyncTokens(plans: readonly SyncPlan[], tokens: TokenManager): void {
  const problems: ConfigurationProblem[] = []
  for (const { name, refs } of plans) {
    for (const ref of refs) {
      try {
        tokens.token(ref as RefText<Providers>)
      } catch (error) {
        problems.push({ field: `syncs.${name}`, message: (error as Error).message })
      }
    }
  }
  if (problems.length > 0) throw configurationError(undefined, problems)
}
