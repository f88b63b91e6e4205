import type { Clock } from '../core/clock.ts'
import { createAuthorizedFetch } from './authorized-fetch.ts'
import type { Provider } from './provider.ts'
import type { GetOptions } from './token-handle.ts'
import type { TokenRecord } from './token-store.ts'

/** What a `fetch` needs of the entry behind it. */
interface FetchedFor {
  readonly provider: Provider
  readonly alive: { readonly record: TokenRecord } | undefined
  getIssued(options: GetOptions | undefined): Promise<TokenRecord>
  invalidate(value: string): Promise<boolean>
}

/** The `fetch` of an entry. It follows changes of the configuration, because callers keep it. */
export function entryFetch(entry: FetchedFor, clock: Clock): typeof globalThis.fetch {
  let provider: Provider | undefined
  let authorized: typeof globalThis.fetch
  return (input, init) => {
    if (provider !== entry.provider) {
      provider = entry.provider
      authorized = createAuthorizedFetch({ provider, clock, getToken, reject })
    }
    return authorized(input, init)
  }

  async function getToken(options?: GetOptions) {
    const { value, issuedAt } = await entry.getIssued(options)
    return { value, ageMs: clock.now() - issuedAt }
  }

  async function reject(value: string): Promise<'renewed' | 'same'> {
    await entry.invalidate(value)
    // Somebody else may have been the first to say so.
    return entry.alive?.record.value === value ? 'same' : 'renewed'
  }
}
