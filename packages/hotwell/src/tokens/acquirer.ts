import type { HotwellError } from '../core/errors.ts'
import { type AccountLogin, accountLogin } from './account-login.ts'
import type { AcquirerContext } from './acquirer-context.ts'
import type { Acquired, AcquisitionTarget, AcquisitionWhy } from './acquisition.ts'
import type { GateSlot } from './acquisition-gate.ts'
import { AcquisitionReport } from './acquisition-report.ts'
import { askProvider, type Issued, type PendingCall } from './ask-provider.ts'
import { failureOf } from './failure.ts'
import { withSignal } from './flights.ts'
import type { Provider } from './provider.ts'
import { errorOfAcquisition, pauseAfter, withPause } from './sort-failure.ts'
import type { ClaimTaken } from './store-access.ts'
import { fingerprint } from './token-key.ts'
import type { NewToken, TokenRecord } from './token-store.ts'

/**
 * Obtains a token, in the one order that cannot deadlock: dependency, claim, all gate tiers at once, provider with
 * retries, commit, tell. Nobody holds a slot while waiting for a flight, a claim, a dependency or another slot.
 * The flight around it belongs to the entry; see Flights.
 * @throws HotwellError, sorted and scrubbed, after it was remembered in the store and told
 */
export async function acquire(
  context: AcquirerContext,
  target: AcquisitionTarget,
  why: AcquisitionWhy,
): Promise<Acquired> {
  const { clock, store, breakers, events, node } = context
  const { ref, provider } = target
  const report = new AcquisitionReport(clock, ref, why.trigger, node)
  let taken: ClaimTaken | undefined
  let slot: GateSlot | undefined
  let refresh = target.known !== undefined
  const secrets: (string | undefined)[] = [target.known?.value, target.known?.grant?.value]
  /** The provider's promise, which may outlive the acquisition. */
  const pending: PendingCall = { promise: undefined }
  let probe = false
  let login: AccountLogin | undefined
  let settling: Promise<unknown> | undefined
  try {
    breakers.check(ref.provider, why.force === true)
    const dependency = await dependencyOf(context, target)
    secrets.push(dependency?.value)
    login = await accountLogin(context, target)
    const claimed = await store.claim(target, why, context.closing, versionOf(provider, login))
    if (claimed.status === 'newer') {
      events.emit('token.adopted', Object.freeze({ ref: ref.canonical, generation: claimed.token.generation }))
      return { token: claimed.token, from: 'store', unchanged: false }
    }
    taken = claimed
    const previous = target.known ?? taken.previous
    refresh = previous !== undefined
    secrets.push(previous?.value, taken.grant?.value)
    slot = await enterGate(context, target, why)
    report.queueWaitMs = slot.queueWaitMs
    // Only now: it may have opened while this one waited, and nobody waits for anything while being the probe.
    probe = breakers.pass(ref.provider, why.force === true)
    // Again, because the password may have been changed while this one waited.
    login = await accountLogin(context, target)
    secrets.push(login?.credentials.password)
    report.credentialId = login?.credentials.credentialId
    events.emit('acquisition.started', report.started())
    const issued = await askProvider(context, {
      target,
      why,
      slot,
      report,
      dependency,
      previous,
      taken,
      pending,
      login,
    })
    secrets.push(issued.token.value, issued.token.grant?.value)
    const acquired = await commit(context, target, taken, issued.token, previous, issued.spent)
    breakers.close(ref.provider)
    const { unchanged } = acquired
    events.emit('acquisition.finished', report.succeeded(acquired.token, { unchanged, refresh }))
    return { ...acquired, sentAt: issued.sentAt }
  } catch (cause) {
    const failed = errorOfAcquisition(cause, ref, secrets)
    if (failed.details.breaker === 'open') {
      if (taken) await store.release(taken)
      throw failed
    }
    if (failed.code === 'closed') {
      await giveBack(context, taken, pending)
      throw failed
    }
    const pausedMs = settleFailure(context, target, failed, { asked: report.attempts > 0, probe, login })
    const error = withPause(failed, pausedMs)
    if (taken && pending.promise) settling = awaitLateSuccess(context, target, taken, pending.promise)
    if (taken && slot && login && settling) {
      void releaseAfter(slot.ended, context, taken)
      taken = undefined
    } else if (taken && keptByAccounts(error, login)) await store.release(taken)
    else if (taken) await store.fail(taken, { error, pausedMs, credentialVersion: versionOf(provider, login) })
    if (!failed.details.remembered) events.emit('acquisition.finished', report.failed(error, { refresh }))
    throw error
  } finally {
    taken?.stop()
    if (probe) breakers.probeEnded(ref.provider)
    // An abort does not stop a browser that is logging in: the slot is free when the promise has settled.
    settling ??= pending.promise
    if (settling) settling.finally(() => slot?.release())
    else slot?.release()
  }
}

/**
 * Closing in the middle of an acquisition is no failure. The claim is given back once the provider's promise has
 * settled; until then another process must not begin, so a claim that cannot be given back is left to lapse.
 */
async function giveBack(context: AcquirerContext, taken: ClaimTaken | undefined, pending: PendingCall): Promise<void> {
  // A provider that obeys its signal settles within a turn of the event loop.
  if (pending.promise) await new Promise(resolve => setImmediate(resolve))
  if (taken && !pending.promise) await context.store.release(taken)
}

/**
 * While a login that missed its deadline holds its account, no other process begins one either: whoever waits for the
 * claim meanwhile finds a late success.
 */
async function releaseAfter(ended: Promise<void>, { store, closing }: AcquirerContext, taken: ClaimTaken) {
  const isEnded = await withSignal(ended, closing).then(
    () => true,
    () => false,
  )
  if (isEnded) await store.release(taken)
  else taken.stop()
}

/** After its deadline a success may still be stored; a failure was told already. */
async function awaitLateSuccess(
  context: AcquirerContext,
  target: AcquisitionTarget,
  taken: ClaimTaken,
  late: Promise<Issued | undefined>,
): Promise<void> {
  const issued = await late
  if (!issued || context.closing.aborted) return
  const { token, spent, sentAt } = issued
  if (target.rejections.has(token.value)) return
  try {
    const stored = await context.store.commit(taken, token, { spent, seenGeneration: target.seenGeneration })
    target.late({ token: stored, from: 'provider', unchanged: false, sentAt })
  } catch {
    // Nobody waits for it any more: the acquisition failed at its deadline and was told as failed.
  }
}

async function dependencyOf(context: AcquirerContext, target: AcquisitionTarget) {
  const needed = target.provider.dependsOn?.(target.ref)
  return needed === undefined ? undefined : context.resolve(needed, target.ref)
}

/** A preheat gives way to callers who wait, until somebody waits for it as well. */
async function enterGate(context: AcquirerContext, { ref, provider }: AcquisitionTarget, why: AcquisitionWhy) {
  const { gate, closing } = context
  const request = { provider: ref.provider, kind: ref.kind, subject: ref.subject, quota: provider.quota }
  const hurry = why.hurry?.signal
  if (!hurry) return gate.enter({ ...request, priority: 'foreground', signal: closing })
  try {
    return await gate.enter({ ...request, priority: 'preheat', signal: AbortSignal.any([closing, hurry]) })
  } catch (error) {
    if (error !== hurry.reason) throw error
    return gate.enter({ ...request, priority: 'foreground', signal: closing })
  }
}

/** A token that came back with no more life than it had is "not yet": nothing is written, nothing counts as renewed. */
async function commit(
  context: AcquirerContext,
  target: AcquisitionTarget,
  taken: ClaimTaken,
  token: NewToken,
  previous: TokenRecord | undefined,
  spent: string | undefined,
): Promise<Acquired> {
  const same = previous?.value === token.value && previous.expiresAt > context.clock.now()
  // Without a store to look into, what is known here is all there is.
  if (same && !lengthened(previous, token) && (taken.present || !taken.claim)) {
    await context.store.release(taken)
    return { token: previous, from: 'provider', unchanged: true }
  }
  const stored = await context.store.commit(taken, token, { spent, seenGeneration: target.seenGeneration })
  return {
    token: stored,
    from: fingerprint(stored.value) === fingerprint(token.value) ? 'provider' : 'store',
    unchanged: false,
  }
}

function lengthened(previous: TokenRecord, token: NewToken): boolean {
  return token.expiresAt > previous.expiresAt + Math.max(2000, previous.lifeMs / 100)
}

/** Of what is asked for: a remembered failure does not count for another. */
function versionOf({ credentialVersion }: Provider, login: AccountLogin | undefined): string | undefined {
  return login ? `${credentialVersion ?? ''}:${login.credentials.credentialId}` : credentialVersion
}

/** Bars and budgets are for all processes, and end at once when a person lifts them: the store need not remember. */
function keptByAccounts(error: HotwellError, login: AccountLogin | undefined): boolean {
  if (error.code === 'account_unavailable' || error.code === 'unknown_subject') return true
  return login !== undefined && failureOf(error).status === 'credential_error'
}

/** Tells the breaker, and returns for how long nobody should ask again, in ms. */
function settleFailure(
  { breakers }: AcquirerContext,
  { ref, failures, outdated }: AcquisitionTarget,
  error: HotwellError,
  { asked, probe, login }: { asked: boolean; probe: boolean; login: AccountLogin | undefined },
): number {
  const failure = failureOf(error)
  // Whatever a provider says of a password, it is this account's own.
  const ofAccount = login !== undefined && failure.status === 'credential_error'
  // What its dependency failed of, or another process, concerns this provider only if it was asked itself.
  if (asked && failure.disposition === 'terminal' && !outdated()) {
    if (failure.scope === 'provider' && !ofAccount) return breakers.trip(ref.provider, error, probe)
    // A provider that refuses this ref alone works.
    breakers.close(ref.provider)
  }
  return pauseAfter(failure, failures, error, asked)
}
