import { sleep } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import type { AccountLogin } from './account-login.ts'
import type { AcquirerContext } from './acquirer-context.ts'
import type { AcquisitionTarget, AcquisitionWhy } from './acquisition.ts'
import type { GateSlot } from './acquisition-gate.ts'
import type { AcquisitionReport } from './acquisition-report.ts'
import { failureOf, providerFailure, wasNeverSent } from './failure.ts'
import { withSignal } from './flights.ts'
import { issuedToken } from './issued-token.ts'
import type { AcquireRequest, Grant } from './provider.ts'
import type { Ref } from './ref.ts'
import { loginRetryPlan, requestRetries } from './retry-plan.ts'
import type { ClaimTaken } from './store-access.ts'
import { fingerprint } from './token-key.ts'
import type { NewToken, TokenRecord } from './token-store.ts'

/** What the provider is still doing; it may outlive the acquisition. Never rejects. */
export interface PendingCall {
  /** Undefined once it has settled; resolves undefined on a failure. */
  promise: Promise<Issued | undefined> | undefined
}

interface Asking {
  readonly target: AcquisitionTarget
  readonly why: AcquisitionWhy
  readonly slot: GateSlot
  readonly report: AcquisitionReport
  readonly dependency: { ref: Ref; value: string } | undefined
  readonly previous: TokenRecord | undefined
  readonly taken: ClaimTaken
  readonly pending: PendingCall
  /** The account to log in with. */
  readonly login: AccountLogin | undefined
}

export interface Issued {
  readonly token: NewToken
  /** Monotonic. */
  readonly sentAt: number
  /** The fingerprint of the single-use grant that was spent for it. */
  readonly spent?: string
}

/** Asks the provider, again where that may help, within the slot's longest hold. */
export async function askProvider(context: AcquirerContext, asking: Asking): Promise<Issued> {
  const { clock, gate } = context
  const { slot, report, target, login } = asking
  const spends = target.provider.rotation !== undefined
  const plan = login ? loginRetryPlan() : requestRetries({ spends })
  let lastError: unknown
  for (let attempt = 1; ; attempt++) {
    try {
      return await askOnce(context, asking, attempt)
    } catch (error) {
      // That its budget allows no repetition must not hide what went wrong.
      if (attempt > 1 && isHotwellError(error, 'account_unavailable')) throw lastError
      lastError = error
      const failure = failureOf(error)
      if (failure.status === 'rate_limited') gate.penalize(target.ref.provider, failure.retryAfterMs)
      const pauseMs = slot.signal.aborted ? undefined : plan.pauseAfter(error)
      if (pauseMs === undefined) throw error
      if (failure.status === 'network_error') report.note({ networkRetries: 1 })
      await sleep(clock, pauseMs, AbortSignal.any([slot.signal, context.closing])).catch(cause => {
        // An abort now must not hide that the grant was certainly not spent.
        throw spends ? error : cause
      })
    }
  }
}

async function askOnce(context: AcquirerContext, asking: Asking, attempt: number): Promise<Issued> {
  const { clock, closing, replyAges } = context
  const { target, why, slot, report, dependency, previous, taken, pending, login } = asking
  const { ref, provider, rejections } = target
  const grant = taken.grant ?? previous?.grant
  const spent = provider.rotation && grant ? fingerprint(grant.value) : undefined
  if (spent !== undefined) await announceSpending(context, taken, spent, provider.rotation?.replaySafeSeconds ?? 0)
  const signal = AbortSignal.any([slot.signal, closing])
  const request: AcquireRequest = {
    ref,
    signal,
    clock,
    trigger: why.trigger,
    attempt,
    previous: previousOf(previous, grant),
    dependency,
    credentials: login?.credentials,
    note: report.note,
  }
  const settle = await login?.reserve()
  report.attempt()
  const sentAt = clock.monotonic()
  const sentWall = clock.now()
  const asked = (async () => {
    // What is no token is no success: an answer that is not understood may have been a refusal of the password.
    const token = await answerOf(async () => {
      const acquired = await provider.acquire(request)
      const age = replyAges.ageOf(ref.provider, acquired?.serverDate, clock.monotonic())
      return issuedToken(acquired, ref.canonical, sentWall, age)
    }, settle)
    return { token, sentAt, spent }
  })()
  pending.promise = asked.catch(() => undefined).finally(() => (pending.promise = undefined))
  try {
    const issued = await withSignal(asked, signal)
    // The successor of a spent grant exists nowhere else: it is stored whatever became of the token beside it.
    if (spent !== undefined) return issued
    const { token } = issued
    if (Math.min(token.expiresAt - clock.now(), sentAt + token.lifeMs - clock.monotonic()) <= 0) throw tooLate(ref)
    if (!rejections.has(token.value)) return issued
    rejections.trial.hold(issued)
    throw stillRejected(ref)
  } catch (error) {
    throw spent === undefined ? error : sortedAfterSpending(error, ref)
  } finally {
    report.providerMs += clock.monotonic() - sentAt
  }
}

/** The provider's answer. Whatever it is, the accounts hear of it first, also when nobody waits for it any more. */
async function answerOf<T>(ask: () => Promise<T>, settle: ((error: unknown) => Promise<void>) | undefined): Promise<T> {
  try {
    const answer = await ask()
    await settle?.(undefined)
    return answer
  } catch (error) {
    await settle?.(error)
    throw error
  }
}

/**
 * Journals that a single-use grant is about to be spent. An intent that somebody left unresolved means that it may be
 * spent already: then it is sent again only within the time in which the provider allows that.
 */
async function announceSpending(context: AcquirerContext, taken: ClaimTaken, spent: string, replaySafeSeconds: number) {
  const { intent } = taken
  if (intent?.spent === spent && intent.ageMs > replaySafeSeconds * 1000) {
    throw new HotwellError(
      'uncertain',
      `It is not known whether the refresh token of ${taken.key.ref} was spent: a process stopped in the middle of a ` +
        'renewal. It is not sent again, because a second use would revoke the whole family. Sign in again.',
    )
  }
  await context.store.intend(taken, spent)
}

function previousOf(previous: TokenRecord | undefined, grant: Grant | undefined): AcquireRequest['previous'] {
  if (previous) return { value: previous.value, expiresAt: previous.expiresAt, grant }
  return grant && { value: '', expiresAt: 0, grant }
}

/** Once a single-use grant was sent, a failure that nobody sorted does not tell whether it was spent. */
function sortedAfterSpending(error: unknown, ref: Ref): unknown {
  if (isHotwellError(error) || wasNeverSent(error) || failureOf(error).disposition === 'uncertain') return error
  return providerFailure({
    code: 'uncertain',
    message: `It is not known whether the refresh token of ${ref.canonical} was spent: the renewal failed on the way.`,
    cause: error,
  })
}

function tooLate(ref: Ref) {
  return providerFailure({
    message: `The provider of ${ref.canonical} took longer to answer than the token lives that it returned.`,
  })
}

function stillRejected(ref: Ref) {
  return providerFailure({
    code: 'still_rejected',
    message:
      `The provider of ${ref.canonical} returned a token that its API has just rejected. ` +
      'It is asked again after a pause; look whether the app was disabled or the permission withdrawn.',
  })
}
