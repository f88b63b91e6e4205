import { hash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type {
  Claim,
  ClaimRequest,
  NewFailure,
  NewToken,
  StoreEvent,
  TokenKey,
  TokenStore,
} from '../tokens/token-store.ts'
import { FakeClock } from './fake-clock.ts'

/** The caller's test function. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

/** One empty place that several processes share. */
export interface StoreHarness {
  /** Another process's store on the same place. A store of scope `process` may return the same one each time. */
  connect(clock?: Clock): TokenStore | Promise<TokenStore>
  /** Removes the place. The stores are closed before. */
  dispose?(): void | Promise<void>
}

/** Makes an empty place; stores run on this clock unless another is given to `connect`. */
export type MakeStore = (clock: FakeClock) => StoreHarness | Promise<StoreHarness>

/** What a clause works with. */
export class Bench {
  readonly clock: FakeClock
  readonly key: TokenKey = keyOf('crm/client')
  readonly #harness: StoreHarness
  readonly #stores: TokenStore[] = []

  constructor(clock: FakeClock, harness: StoreHarness) {
    this.clock = clock
    this.#harness = harness
  }

  async connect(clock?: Clock): Promise<TokenStore> {
    const store = await this.#harness.connect(clock)
    await store.open()
    this.#stores.push(store)
    return store
  }

  token(value: string, changes: Partial<NewToken> = {}): NewToken {
    const issuedAt = this.clock.now()
    return { value, tokenType: 'Bearer', issuedAt, expiresAt: issuedAt + 60_000, lifeMs: 60_000, ...changes }
  }

  /** Claims, and expects to get it. */
  async claimed(
    store: TokenStore,
    holder: string,
    changes: Partial<ClaimRequest> = {},
    key = this.key,
  ): Promise<Claim> {
    const result = await store.claim(key, { holder, ttlMs: 1000, seenGeneration: 0, ...changes })
    if (result.status !== 'claimed') throw new Error(`${holder} expected a claim and got: ${result.status}`)
    return result.claim
  }

  /** Claims and commits. Returns the stored token. */
  async stored(store: TokenStore, value: string, changes: Partial<NewToken> = {}, key = this.key) {
    const { token } = await store.read(key)
    const claim = await this.claimed(store, `bringer of ${value}`, { seenGeneration: token?.generation ?? 0 }, key)
    const result = await store.commit(claim, this.token(value, changes))
    if (result.status !== 'stored') throw new Error(`the commit of ${value} was ${result.status}`)
    return result.token
  }

  /** Turns the clock until `done`, at most for 5 s of its time. */
  async until(done: () => boolean): Promise<boolean> {
    for (let turn = 0; turn < 100 && !done(); turn++) await this.clock.advance(50)
    return done()
  }

  async dispose(): Promise<void> {
    for (const store of this.#stores) await store.close()
    await this.#harness.dispose?.()
  }
}

/** Gives each clause a bench of its own. */
export function clauseMaker(test: TestFunction, makeStore: MakeStore) {
  return (name: string, run: (bench: Bench) => Promise<void>) =>
    test(name, async () => {
      const clock = new FakeClock()
      const bench = new Bench(clock, await makeStore(clock))
      try {
        await run(bench)
      } finally {
        await bench.dispose()
      }
    })
}

export function keyOf(ref: string): TokenKey {
  return { id: hash('sha256', ref, 'hex'), ref }
}

export function failureOfModel(changes: Partial<NewFailure> = {}): NewFailure {
  return {
    code: 'provider_error',
    message: 'The provider is down.',
    disposition: 'retryable',
    scope: 'ref',
    status: 'failed',
    retryInMs: 500,
    ...changes,
  }
}

/** Collects what `watch` tells. */
export function listenTo(store: TokenStore, options?: { urgent?: boolean }) {
  const events: StoreEvent[] = []
  const end = store.watch(event => events.push(event), options)
  return {
    events,
    end,
    has: (type: StoreEvent['type'], id: string) => events.some(e => e.type === type && e.id === id),
  }
}
