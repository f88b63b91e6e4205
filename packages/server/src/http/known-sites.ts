import { isHotwellError, type TokenManager } from 'hotwell'

/**
 * That the configuration has a provider of this name, with accounts.
 * @throws HotwellError `invalid_ref`, `unknown_provider`, `unknown_kind`, saying which there are
 */
export function assertSite(tokens: TokenManager, site: string): void {
  tokens.token({ provider: site, kind: 'account' })
}

/**
 * That the configuration has a provider of this name, of whatever kind.
 * @throws HotwellError `invalid_ref`, `unknown_provider`, saying which there are
 */
export function assertProvider(tokens: TokenManager, name: string): void {
  try {
    assertSite(tokens, name)
  } catch (error) {
    if (!isHotwellError(error, 'unknown_kind')) throw error
  }
}

/** Whether the configuration has a provider of this name, with accounts. */
export function isSite(tokens: TokenManager, site: string): boolean {
  try {
    assertSite(tokens, site)
    return true
  } catch {
    return false
  }
}
