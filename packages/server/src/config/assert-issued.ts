import type { Providers, RefText, TokenManager } from 'hotwell'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'

/**
 * Asks for the handle of each ref, which acquires nothing.
 * @throws HotwellError `invalid_configuration`, naming each entry of a kind, subject or scope that its provider does
 *   not issue
 */
export function assertIssued(manifest: readonly RefText<Providers>[], tokens: TokenManager): void {
  const problems: ConfigurationProblem[] = []
  for (const [index, ref] of manifest.entries()) {
    try {
      tokens.token(ref)
    } catch (error) {
      problems.push({ field: `manifest[${index}]`, message: (error as Error).message })
    }
  }
  if (problems.length > 0) throw configurationError(undefined, problems)
}
