import { parseRef, type TokenManager } from 'hotwell'
import type { AccountFacts, Accounts } from 'hotwell/accounts'
import { accountRef } from '../http/account-target.ts'
import { isSite } from '../http/known-sites.ts'

export interface SiteRefs {
  /** What may be acquired: the manifest, tokens in use, and the accounts that may be logged in with now. */
  refs: string[]
  /** Accounts that are left alone, with the reason. */
  skipped: { ref: string; state: AccountFacts['state'] }[]
}

/** The refs of a site, or of all, that can be kept warm. */
export async function siteRefs(
  { tokens, accounts, manifest }: { tokens: TokenManager; accounts: Accounts; manifest: readonly string[] },
  site: string | undefined,
): Promise<SiteRefs> {
  const inUse = tokens.list()
  const alive = new Set(inUse.filter(({ state }) => state === 'fresh' || state === 'stale').map(({ ref }) => ref))
  const known = (await accounts.list({ site })).filter(facts => isSite(tokens, facts.site))
  const unfit = new Map(
    known.filter(({ state }) => state !== 'available').map(facts => [accountRef(facts), facts.state]),
  )
  const wanted = new Set(
    [...manifest, ...inUse.map(({ ref }) => ref)].filter(ref => site === undefined || parseRef(ref).provider === site),
  )
  for (const facts of known) wanted.add(accountRef(facts))
  const skipped = [...wanted].filter(ref => !alive.has(ref) && unfit.has(ref.split('?', 1)[0]!))
  for (const ref of skipped) wanted.delete(ref)
  return { refs: [...wanted], skipped: skipped.map(ref => ({ ref, state: unfit.get(ref.split('?', 1)[0]!)! })) }
}
