import {
  type AcquiredToken,
  type AcquireRequest,
  type AcquisitionRecord,
  createTokenManager,
  type Provider,
  type TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from 'hotwell'
import { sleep } from 'hotwell/core'
import { type CustomOptions, custom } from 'hotwell/providers/custom'
import { memory } from 'hotwell/stores/memory'
import { FakeClock, settled } from 'hotwell/testing'
import { onTestFinished } from 'vitest'

/** What stands at the other end: answers as it is told to, and remembers every request. */
export class Upstream {
  lifeSeconds = 7200
  latencyMs = 100
  readonly requests: AcquireRequest[] = []
  /** The wall clock at each request. */
  readonly askedAt: number[] = []
  /** What it does instead of issuing a token. */
  answer: ((request: AcquireRequest) => AcquiredToken | Promise<AcquiredToken>) | undefined
  /** Thrown instead of issuing a token. */
  failure: unknown
  #issued = 0

  get calls(): number {
    return this.requests.length
  }

  get last(): AcquireRequest {
    return this.requests.at(-1)!
  }

  readonly acquire = async (request: AcquireRequest): Promise<AcquiredToken> => {
    this.requests.push(request)
    this.askedAt.push(request.clock.now())
    if (this.latencyMs > 0) await sleep(request.clock, this.latencyMs, request.signal)
    if (this.failure !== undefined) throw this.failure
    return this.answer ? this.answer(request) : this.issue(request)
  }

  /** A token nobody has seen before. */
  issue({ ref }: Pick<AcquireRequest, 'ref'>): AcquiredToken {
    return { value: `token-${++this.#issued}-of-${ref.subject ?? ref.kind}`, expiresInSeconds: this.lifeSeconds }
  }
}

export type Kind = 'app' | 'tenant' | 'user' | 'account'

type Given = Partial<Omit<TokenManagerOptions<{ api: Provider<Kind> }>, 'providers'>> & {
  upstream?: Upstream
  provider?: Partial<CustomOptions<Kind>>
}

/** A manager with one provider `api`, on a fake clock, that is closed when the test ends. */
export function scene(given: Given = {}) {
  const { upstream = new Upstream(), provider: options, ...rest } = given
  const clock = (given.clock as FakeClock | undefined) ?? new FakeClock()
  const store: TokenStore = given.store ?? memory({ clock })
  const provider = apiOf(upstream, options)
  const tokens = createTokenManager({ node: 'one', ...rest, providers: { api: provider }, clock, store })
  const records: AcquisitionRecord[] = []
  tokens.on('acquisition.finished', record => records.push(record))
  onTestFinished(() => closeSoon(tokens, clock))
  return { clock, store, upstream, provider, tokens, records }
}

export function apiOf(upstream: Upstream, options: Partial<CustomOptions<Kind>> = {}): Provider<Kind> {
  return custom<Kind>({ kinds: ['app', 'tenant', 'user', 'account'], acquire: upstream.acquire, ...options })
}

/** Closes a manager on a fake clock, however long it waits. */
export async function closeSoon(tokens: Pick<TokenManager, 'close'>, clock: FakeClock): Promise<void> {
  const closed = tokens.close()
  await clock.advance(11_000)
  await closed
}

/**
 * Waits for a promise while the clock goes on. What lets others have their turn on a busy machine, such as a look into a
 * file, may begin to wait for the clock only after it has gone on: then it goes on a little more.
 */
export async function after<T>(clock: FakeClock, byMs: number, promise: Promise<T>): Promise<T> {
  let isPending = true
  const over = () => {
    isPending = false
  }
  promise.then(over, over)
  await clock.advance(byMs)
  for (let turn = 0; isPending && turn < 2000; turn++) await clock.advance(1)
  return promise
}

/** How a promise stands now: its value, its error, or `pending`. */
export async function now<T>(promise: Promise<T>): Promise<T | Error | 'pending'> {
  let state: T | Error | 'pending' = 'pending'
  promise.then(
    value => (state = value),
    error => (state = error),
  )
  await settled()
  return state
}

/** The error that a promise rejects with. */
export async function failureOfCall(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => Promise.reject(new Error('It was to fail, and did not.')),
    error => error,
  )
}
