import type { AccountSource } from './account-source.ts'
import type { TokenEntry } from './token-entry.ts'

/**
 * Forgets what an account's entries have failed of when it was changed: that says nothing about its new password, or
 * about the end of its bar. Returns the function that ends it.
 */
export function followAccounts(
  accounts: AccountSource,
  entries: () => Iterable<TokenEntry>,
  changed: (entry: TokenEntry) => void,
): (() => void) | undefined {
  return accounts.onChange?.((site, account) => {
    for (const entry of entries()) {
      const { provider, kind, subject } = entry.ref
      if (provider !== site || kind !== 'account' || subject !== account) continue
      entry.flights.outdate()
      entry.failures.clear()
      entry.disarm()
      changed(entry)
    }
  })
}
