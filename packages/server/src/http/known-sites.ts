import { isHotwellError, type TokenManager } from 'hotwell'
import type { Caller } from './access.ts'
import { RequestRefused } from './problem.ts'

/**
 * That the configuration has a provider of this name, with accounts.
 * @throws HotwellError `invalid_ref`, `unknown_provider`, `unknown_kind`, saying which there are to whoever may know
 */
export function assertSite(tokens: TokenManager, site: string, caller: Caller): void {
  try {
    tokens.token({ provider: site, kind: 'account' })
  } catch (error) {
    if (caller.coversAll('') || !isHotwellError(error, 'unknown_provider')) throw error
    throw new RequestRefused('unknown_provider', `There is no provider ${JSON.stringify(site)}.`)
  }
}

/**
 * That the configuration has a provider of this name, of whatever kind.
 * @throws HotwellError `invalid_ref`, `unknown_provider`, saying which there are
 */
export function assertProvider(tokens: TokenManager, name: string, caller: Caller): void {
  try {
    assertSite(tokens, name, caller)
  } catch (error) {
    if (!isHotwellError(error, 'unknown_kind')) throw error
  }
}

/** Whether the configuration has a provider of this name, with accounts. */
export function isSite(tokens: TokenManager, site: string): boolean {
  try {
    tokens.token({ provider: site, kind: 'account' })
    return true
  } catch {
    return false
  }
}
