import assert from 'node:assert/strict'
import type { Grant } from '../tokens/provider.ts'
import { fingerprint } from '../tokens/token-key.ts'
import type {
  Claim,
  CommitResult,
  NewToken,
  StoreEntry,
  TokenKey,
  TokenRecord,
  TokenStore,
} from '../tokens/token-store.ts'
import type { FakeClock } from './fake-clock.ts'
import { failureOfModel } from './token-store-harness.ts'

export const modelTimes = { ttlMs: 1000, lifeMs: 60_000, softMs: 30_000, retryMs: 500, signInAfterMs: 5000 }
const { ttlMs, lifeMs, softMs, retryMs, signInAfterMs } = modelTimes

/** Issues tokens; with `rotating`, a refresh token works once, and its second use revokes all that came of it. */
export class ModelProvider {
  readonly rotating: boolean
  readonly firstGrant: Grant = { value: 'grant 0.0' }
  down = false
  revokedFamilies = 0
  issued = 0
  readonly #clock: FakeClock
  /** The one live grant of each family; null: revoked. */
  readonly #families = new Map<string, string | null>([['0', this.firstGrant.value]])
  readonly #rejected = new Set<string>()

  constructor(clock: FakeClock, rotating: boolean) {
    this.#clock = clock
    this.rotating = rotating
  }

  issue(grant?: Grant): NewToken {
    const issuedAt = this.#clock.now()
    const value = `token ${++this.issued}`
    return { value, tokenType: 'Bearer', issuedAt, expiresAt: issuedAt + lifeMs, lifeMs, ...(grant && { grant }) }
  }

  refresh(grant: Grant): NewToken | 'invalid_grant' {
    const [family = ''] = grant.value.replace('grant ', '').split('.')
    if (this.#families.get(family) === grant.value) return this.issue(this.#nextGrant(family))
    if (this.#families.get(family) !== null) this.revokedFamilies++
    this.#families.set(family, null)
    return 'invalid_grant'
  }

  /** A person signs in: a family of its own. */
  signIn(): NewToken {
    return this.issue(this.#nextGrant(String(this.#families.size)))
  }

  reject(value: string): void {
    this.#rejected.add(value)
  }

  accepts(value: string): boolean {
    return !this.#rejected.has(value)
  }

  #nextGrant(family: string): Grant {
    const grant = { value: `grant ${family}.${this.issued + 1}` }
    this.#families.set(family, grant.value)
    return grant
  }
}

/** Knows what the store must hold, from the answers it gave, and compares every answer with that. */
export class Judge {
  readonly #clock: FakeClock
  readonly #provider: ModelProvider
  /** Values that somebody was told are invalidated. */
  readonly #invalidated = new Set<string>()
  #claim: { fence: number; until: number } | undefined
  #lastFence = 0
  #current: TokenRecord | undefined
  #lastGeneration = 0
  #grant: Grant | undefined
  #intents = new Map<string, number>()

  constructor(clock: FakeClock, provider: ModelProvider) {
    this.#clock = clock
    this.#provider = provider
  }

  get current(): TokenRecord | undefined {
    return this.#current
  }

  saw(entry: StoreEntry): void {
    assert.deepEqual(entry.token, this.#current, 'the stored token is the one committed last')
    assert.deepEqual(entry.token?.grant ?? entry.grant, this.#grant, 'no true successor is lost')
    const unresolved = this.#grant === undefined ? entry.intent?.spent : fingerprint(this.#grant.value)
    if (unresolved && this.#intents.has(unresolved))
      assert.equal(entry.intent?.spent, unresolved, 'an unresolved intent is shown to everybody')
  }

  claimed(claim: Claim): void {
    assert.ok(!this.#claim || this.#claim.until <= this.#clock.monotonic(), 'one live claim')
    assert.ok(claim.fence > this.#lastFence, 'the fencing number grows with each claim')
    this.#lastFence = claim.fence
    this.#claim = { fence: claim.fence, until: this.#clock.monotonic() + ttlMs }
  }

  extended(claim: Claim, extended: boolean): void {
    assert.equal(extended, this.#claim?.fence === claim.fence, 'only the holder extends')
    if (extended) this.#claim!.until = this.#clock.monotonic() + ttlMs
  }

  released(claim: Claim): void {
    if (this.#claim?.fence === claim.fence) this.#claim = undefined
  }

  intended(spent: string, claim: Claim): void {
    assert.equal(this.#intents.get(spent), undefined, 'no spend after an unresolved intent')
    this.#intents.set(spent, claim.fence)
  }

  unspent(spent: string): void {
    this.#intents.delete(spent)
  }

  spent(): void {
    assert.equal(this.#provider.revokedFamilies, 0, 'no grant is spent twice')
  }

  committed(claim: Claim, token: NewToken, result: CommitResult, spent?: string): void {
    const wins =
      spent === undefined ? this.#lastFence === claim.fence : !this.#grant || fingerprint(this.#grant.value) === spent
    const why =
      spent === undefined ? 'the claim decides over a plain commit' : 'a true successor wins, a stale one never'
    assert.equal(result.status, wins ? 'stored' : 'superseded', why)
    this.released(claim)
    if (result.status === 'superseded') return
    assert.ok(result.token.generation > this.#lastGeneration, 'generations grow')
    this.#lastGeneration = result.token.generation
    this.#current = result.token
    if (token.grant) this.#grant = token.grant
    if (spent) this.#intents.delete(spent)
  }

  invalidated(token: TokenRecord, dropped: boolean): void {
    assert.equal(dropped, this.#current?.generation === token.generation, 'only the current token is dropped')
    if (dropped) this.#current = undefined
    this.#invalidated.add(token.value)
  }

  served(token: TokenRecord, reader: string): void {
    assert.ok(!this.#invalidated.has(token.value), `${reader} is served an invalidated token`)
  }
}

/** One process that keeps a token hot, as a careful manager would. Each `yield` ends a step; a crash may come there. */
export class ModelProcess {
  readonly name: string
  served = 0
  readonly #key: TokenKey
  readonly #store: TokenStore
  readonly #clock: FakeClock
  readonly #provider: ModelProvider
  readonly #judge: Judge
  #token: TokenRecord | undefined
  #deadAt = 0
  /** The generation that this process has seen last. */
  #seen = 0

  constructor(name: string, key: TokenKey, store: TokenStore, clock: FakeClock, provider: ModelProvider, judge: Judge) {
    this.name = name
    this.#key = key
    this.#store = store
    this.#clock = clock
    this.#provider = provider
    this.#judge = judge
  }

  async *life(): AsyncGenerator<string, never> {
    for (;;) {
      yield 'read'
      this.#look(await this.#store.read(this.#key))
      const token = this.#token
      if (token && this.#remainingMs(token) > 0) {
        this.#judge.served(token, this.name)
        if (this.#provider.accepts(token.value)) this.served++
        else {
          yield 'invalidate'
          this.#token = undefined
          this.#judge.invalidated(token, await this.#store.invalidate(this.#key, token.generation))
          continue
        }
        if (this.#remainingMs(token) > softMs) continue
      }
      yield 'claim'
      const request = { holder: this.name, ttlMs, seenGeneration: this.#seen }
      const result = await this.#store.claim(this.#key, request)
      assert.notEqual(result.status, 'unreadable')
      if (result.status === 'newer') this.#adopt(result.token)
      if (result.status !== 'claimed') continue
      this.#judge.claimed(result.claim)
      this.#look(result.entry)
      if (this.#provider.rotating) yield* this.#rotate(result.claim, result.entry)
      else yield* this.#acquire(result.claim)
    }
  }

  async *#acquire(claim: Claim): AsyncGenerator<string, void> {
    yield 'acquire'
    if (this.#provider.down) return yield* this.#fail(claim)
    const token = this.#provider.issue()
    yield* this.#commit(claim, token)
  }

  async *#rotate(claim: Claim, entry: StoreEntry): AsyncGenerator<string, void> {
    const grant = entry.token?.grant ?? entry.grant ?? this.#provider.firstGrant
    const spent = fingerprint(grant.value)
    if (entry.intent?.spent === spent) {
      if (entry.intent.ageMs < signInAfterMs) return yield* this.#fail(claim, { code: 'uncertain' })
      yield 'sign in'
      return yield* this.#commit(claim, this.#provider.signIn())
    }
    yield 'intend'
    if (!(await this.#store.intend(claim, spent))) {
      yield 'release'
      await this.#store.release(claim)
      return this.#judge.released(claim)
    }
    this.#judge.intended(spent, claim)
    yield 'spend'
    if (this.#provider.down) return yield* this.#fail(claim, { unspent: true }, spent)
    const token = this.#provider.refresh(grant)
    this.#judge.spent()
    assert.notEqual(token, 'invalid_grant')
    if (token !== 'invalid_grant') yield* this.#commit(claim, token, spent)
  }

  async *#commit(claim: Claim, token: NewToken, spent?: string): AsyncGenerator<string, void> {
    yield 'extend'
    this.#judge.extended(claim, await this.#store.extend(claim, ttlMs))
    yield 'commit'
    const result = await this.#store.commit(claim, token, { spent, seenGeneration: this.#seen })
    this.#judge.committed(claim, token, result, spent)
    if (result.token) this.#adopt(result.token)
  }

  async *#fail(claim: Claim, changes: Parameters<typeof failureOfModel>[0] = {}, spent?: string) {
    yield 'fail'
    await this.#store.fail(claim, failureOfModel({ retryInMs: retryMs, ...changes }))
    this.#judge.released(claim)
    if (spent) this.#judge.unspent(spent)
  }

  #look(entry: StoreEntry): void {
    this.#judge.saw(entry)
    if (entry.token) this.#adopt(entry.token)
    if (entry.tombstone !== undefined && this.#token && this.#token.generation <= entry.tombstone)
      this.#token = undefined
  }

  #adopt(token: TokenRecord): void {
    assert.ok(token.generation >= this.#seen, `generations are monotonic for ${this.name}`)
    if (token.generation === this.#seen && this.#token) return
    this.#token = token
    this.#seen = token.generation
    this.#deadAt = this.#clock.monotonic() + Math.min(token.lifeMs, token.expiresAt - this.#clock.now())
  }

  /** Dead when either clock says so. */
  #remainingMs(token: TokenRecord): number {
    return Math.min(token.expiresAt - this.#clock.now(), this.#deadAt - this.#clock.monotonic())
  }
}
