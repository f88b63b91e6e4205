import { HotwellError } from '../core/errors.ts'
import { requestName } from './gate-contract.ts'
import type { GateLimits } from './gate-limits.ts'
import type { Holder, Waiter } from './gate-queue.ts'

const shownHolders = 3
const shortestRetryMs = 1000

/** Why somebody waited too long: which tier, its limit, and who holds it. */
export function queueTimeout(waiter: Waiter, now: number, longestRetryMs: number): HotwellError {
  const { site } = waiter.lane
  const { section, provider } = site
  const waitedMs = now - waiter.arrivedAt
  const waited = `${requestName(waiter.request)} waited ${seconds(waitedMs)} for its turn`
  const tier = fullTier(waiter)
  if (!tier) {
    const at = provider.rate.nextAt(now)
    const limit = provider.rate.perSecond
    const why =
      provider.rate.heldUntil === undefined
        ? `the quota of "${provider.name}" lets ${Number(limit.toPrecision(3))} a second pass`
        : `"${provider.name}" asked to wait`
    return new HotwellError('queue_timeout', `${waited}: ${why}, the next one in ${seconds(at - now)}.`, {
      retryAfterMs: Math.max(shortestRetryMs, at - now),
      details: { tier: 'quota', limit, waitedMs },
    })
  }
  const { name, option, limit, holders } = tier
  const first: Holder[] = []
  for (const holder of holders) if (first.push(holder) === shownHolders) break
  const list = first.map(slot => `${requestName(slot.request)} (slot ${slot.number}, ${seconds(now - slot.takenAt)})`)
  const more = holders.size - first.length
  const where = name === 'global' ? (section.ofAccounts ? 'logins' : 'acquisitions') : `acquisitions of this ${name}`
  return new HotwellError(
    'queue_timeout',
    `${waited}: at most ${limit} ${where} run at once (gate.${option}), held by ${list.join(', ')}` +
      `${more > 0 ? ` and ${more} more` : ''}.`,
    {
      // The oldest holder is done at its deadline, and then somebody else has its turn.
      retryAfterMs: Math.min(longestRetryMs, Math.max(shortestRetryMs, first[0] ? first[0].endsAt - now : 0)),
      details: { tier: name, option, limit, waitedMs, holders: first.map(slot => requestName(slot.request)) },
    },
  )
}

/** Why nobody gets in any more. */
export function gateClosed(): HotwellError {
  return new HotwellError('closed', 'Hotwell is closing and acquires no more tokens.')
}

interface FullTier {
  name: 'account' | 'site' | 'provider' | 'global'
  option: keyof GateLimits
  limit: number
  holders: ReadonlySet<Holder>
}

/** The narrowest tier that keeps it waiting; undefined: it is the provider's rate. */
function fullTier({ lane }: Waiter): FullTier | undefined {
  const { site } = lane
  const { section } = site
  const { ofAccounts } = section
  if (lane.full) {
    return { name: 'account', option: 'maxConcurrentPerAccount', limit: section.perAccount, holders: lane.holders }
  }
  if (site.full) {
    const [name, option] = ofAccounts
      ? (['site', 'maxConcurrentPerSite'] as const)
      : (['provider', 'maxConcurrentPerProvider'] as const)
    return { name, option, limit: section.perSite, holders: site.holders }
  }
  if (section.full) {
    const option = ofAccounts ? 'maxConcurrentAcquisitions' : 'maxConcurrentOther'
    return { name: 'global', option, limit: section.limit, holders: section.holders }
  }
  return undefined
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
