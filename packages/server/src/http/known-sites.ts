import type { TokenManager } from 'hotwell'

/**
 * That the configuration has a provider of this name, with accounts.
 * @throws HotwellError `invalid_ref`, `unknown_provider`, `unknown_kind`, saying which there are
 */
export function assertSite(tokens: TokenManager, site: string): void {
  tokens.token({ provider: site, kind: 'account' })
}
