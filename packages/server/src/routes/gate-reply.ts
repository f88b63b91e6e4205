import { createSystemClock, type GateUsage } from 'hotwell'
import { z } from 'zod'
import type { Caller } from '../http/access.ts'

const counts = { running: z.int(), waiting: z.int() }
const section = { ...counts, sites: z.record(z.string(), z.object(counts)) }

const example = {
  running: 2,
  waiting: 1,
  providers: { court_zxfw: { running: 2, waiting: 1, heldForSeconds: null, perSecond: null } },
  accounts: { running: 2, waiting: 1, quarantined: 0, sites: { court_zxfw: { running: 2, waiting: 1 } } },
  others: { running: 0, waiting: 0, sites: {} },
  limits: { maxConcurrentAcquisitions: 3, maxConcurrentPerSite: 2, maxConcurrentPerAccount: 1 },
  holders: [
    { number: 412, provider: 'court_zxfw', kind: 'account', subject: 'zhang', heldMs: 1204.1, state: 'held' as const },
  ],
  entered: 411,
  timedOut: 0,
  reclaimed: 0,
  longestWaitMs: 5210.7,
  meanWaitMs: 210.4,
  p95WaitMs: 1840.2,
}

/** Who runs and who waits at the gate. */
export const gateReply = z
  .object({
    ...counts,
    providers: z
      .record(
        z.string(),
        z.object({
          ...counts,
          heldForSeconds: z.number().nullable().describe('For so long the provider wants no request: its Retry-After.'),
          perSecond: z.number().nullable().describe('The documented rate, or the one that its 429s have taught.'),
        }),
      )
      .describe('All kinds together.'),
    accounts: z.object({ ...section, quarantined: z.int() }).describe('Logins.'),
    others: z.object(section).describe('All other acquisitions.'),
    limits: z.record(z.string(), z.number().nullable()).describe('Those in force; null: none.'),
    holders: z
      .array(
        z.object({
          number: z.int(),
          provider: z.string(),
          kind: z.string(),
          subject: z.string().nullable(),
          heldMs: z.number(),
          state: z.enum(['held', 'quarantined']),
        }),
      )
      .describe('Those that the API key covers, the longest holder first.'),
    entered: z.int().describe('Slots given since the start.'),
    timedOut: z.int().describe('Waits that ended in vain since the start.'),
    reclaimed: z.int().describe('Slots freed at their deadline since the start.'),
    longestWaitMs: z.number(),
    meanWaitMs: z.number().describe('Within the last 15 minutes.'),
    p95WaitMs: z.number(),
  })
  .meta({ example })

/** That of the gate, whose monotonic instants are those of the machine. */
const clock = createSystemClock()

/** The usage of a gate as it goes over HTTP, with the holders that the caller's patterns cover. */
export function gateReplyOf(usage: GateUsage, caller: Caller): z.infer<typeof gateReply> {
  const now = clock.monotonic()
  const { providers, accounts, others, limits, holders, ...rest } = usage
  const told = Object.entries(providers).map(([name, { heldUntil, perSecond, ...counted }]) => {
    const heldForSeconds = heldUntil === undefined ? null : Math.max(0, heldUntil - now) / 1000
    return [name, { ...counted, heldForSeconds, perSecond: perSecond ?? null }] as const
  })
  const covered = holders.filter(({ provider, kind, subject }) =>
    caller.covers(subject === undefined ? `${provider}/${kind}` : `${provider}/${kind}/${encodeURIComponent(subject)}`),
  )
  return {
    ...rest,
    providers: Object.fromEntries(told),
    accounts: { ...accounts, sites: { ...accounts.sites } },
    others: { ...others, sites: { ...others.sites } },
    limits: finiteLimits(limits),
    holders: covered.map(holder => ({ ...holder, subject: holder.subject ?? null })),
  }
}

/** JSON knows no Infinity: null stands for it. */
export function finiteLimits(limits: GateUsage['limits']): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, Number.isFinite(limit) ? limit : null]),
  )
}
