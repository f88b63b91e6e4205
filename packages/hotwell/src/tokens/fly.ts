import { acquire } from './acquirer.ts'
import type { Acquired, AcquisitionWhy } from './acquisition.ts'
import { type CurrentToken, remainingMs } from './current-token.ts'
import type { EntryContext } from './entry-context.ts'
import { providerFailure } from './failure.ts'
import type { FailureMemory } from './failure-memory.ts'
import type { HeldToken } from './held-token.ts'
import { type Provider, sameCredentials } from './provider.ts'
import type { Ref } from './ref.ts'
import type { Rejections } from './rejections.ts'
import type { TokenKey } from './token-store.ts'

/** What a flight needs of the entry that it acquires a token for. */
interface Destination {
  readonly ref: Ref
  readonly key: TokenKey
  readonly provider: Provider
  readonly rejections: Rejections
  readonly held: HeldToken
  readonly failures: FailureMemory
  readonly retired: unknown
  install(acquired: Acquired): CurrentToken
  disarm(): void
}

/**
 * One flight of an entry: acquires its token and lands it there. It ends with the provider it began with. When the
 * configuration changes meanwhile, those who wait get the outcome, and nobody else does.
 */
export async function fly(context: EntryContext, entry: Destination, why: AcquisitionWhy): Promise<CurrentToken> {
  const { ref, key, provider, rejections, held, failures } = entry
  const { known, seenGeneration } = held
  const { clearings } = failures
  const ours = () => key.id === entry.key.id && !entry.retired
  const outdated = () => !ours() || !sameCredentials(provider, entry.provider)
  const late = (acquired: Acquired) => void (ours() && entry.install(acquired))
  const target = { ref, key, provider, known, seenGeneration, rejections, late, outdated }
  try {
    const acquired = await acquire(context, { ...target, failures: failures.last?.count ?? 0 }, why)
    const { token, from, unchanged, sentAt } = acquired
    const landed = ours() ? entry.install(acquired) : held.seenAs(token, from, unchanged ? undefined : sentAt)
    if (remainingMs(landed, context.clock) <= 0) throw deadOnArrival(ref)
    return landed
  } catch (error) {
    // The next lookup decides anew whether a soft token is renewed behind.
    entry.disarm()
    if (!outdated() && clearings === failures.clearings && failures.add(error)) context.changed(entry)
    throw error
  } finally {
    // It could not be planned while this one ran.
    if (outdated()) context.changed(entry)
  }
}

/** Why a flight starts that two wait for: it is explicit if one of them is, and a preheat if both are. */
export function bothReasons(first: AcquisitionWhy, then: AcquisitionWhy): AcquisitionWhy {
  const { trigger } = then.force ? then : first
  return { trigger, force: first.force || then.force, hurry: then.hurry && first.hurry }
}

function deadOnArrival(ref: Ref) {
  return providerFailure({
    message: `The token that was acquired for ${ref.canonical} had come to its end before it could be served.`,
  })
}
