import assert from 'node:assert/strict'
import { fingerprint } from '../tokens/token-key.ts'
import { FakeClock } from './fake-clock.ts'
import { clauseMaker, failureOfModel, keyOf, type MakeStore, type TestFunction } from './token-store-harness.ts'

const request = { holder: 'B', ttlMs: 1000, seenGeneration: 0 }

/** Who may acquire, and for how long; failures that are remembered; intents. */
export function claimClauses(test: TestFunction, makeStore: MakeStore, persistent: boolean): void {
  const clause = clauseMaker(test, makeStore)

  clause('one of many that ask at once gets the claim, the others learn when it lapses', async bench => {
    const stores = [await bench.connect(), await bench.connect()]
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => stores[i % 2]!.claim(bench.key, { ...request, holder: `H${i}` })),
    )
    assert.equal(results.filter(r => r.status === 'claimed').length, 1)
    for (const result of results) {
      if (result.status === 'claimed') continue
      assert.equal(result.status, 'busy')
      assert.ok(result.status === 'busy' && result.lapsesInMs > 0 && result.lapsesInMs <= 1000)
    }
  })

  clause('claims of different keys do not concern each other', async bench => {
    const store = await bench.connect()
    await bench.claimed(store, 'A')
    await bench.claimed(store, 'B', {}, keyOf('crm/client?scope=read'))
  })

  clause('the claim of a dead holder lapses, and the fencing number grows with each claim', async bench => {
    const store = await bench.connect()
    let last = await bench.claimed(store, 'A')
    for (const wallJump of [0, -3_600_000, 7_200_000]) {
      bench.clock.freeze(999)
      assert.equal((await store.claim(bench.key, request)).status, 'busy')
      bench.clock.freeze(2)
      bench.clock.jumpWall(wallJump)
      const next = await bench.claimed(store, 'B')
      assert.ok(next.fence > last.fence, `${next.fence} > ${last.fence}`)
      last = next
    }
  })

  clause('a jump of the wall clock neither ends a claim nor prolongs it', async bench => {
    const store = await bench.connect()
    await bench.claimed(store, 'A')
    for (const jump of [3_600_000, -7_200_000]) {
      bench.clock.jumpWall(jump)
      assert.equal((await store.claim(bench.key, request)).status, 'busy')
    }
    bench.clock.freeze(1001)
    await bench.claimed(store, 'B')
  })

  clause('an extended claim does not lapse; a lost one cannot be extended', async bench => {
    const store = await bench.connect()
    const claim = await bench.claimed(store, 'A')
    for (let i = 0; i < 3; i++) {
      bench.clock.freeze(800)
      assert.equal(await store.extend(claim, 1000), true)
    }
    assert.equal((await store.claim(bench.key, request)).status, 'busy')
    bench.clock.freeze(1001)
    await bench.claimed(store, 'B')
    assert.equal(await store.extend(claim, 1000), false)
    bench.clock.freeze(500)
    assert.equal((await store.claim(bench.key, { ...request, holder: 'C' })).status, 'busy')
  })

  clause('a claim is released by its owner only', async bench => {
    const store = await bench.connect()
    const lost = await bench.claimed(store, 'A')
    bench.clock.freeze(1001)
    const held = await bench.claimed(store, 'B')
    await store.release(lost)
    await store.fail(lost, failureOfModel())
    await store.commit(lost, bench.token('late'))
    assert.equal((await store.claim(bench.key, { ...request, holder: 'C' })).status, 'busy')
    await store.release(held)
    const next = await bench.claimed(store, 'C')
    await store.release(held)
    assert.equal(await store.extend(next, 1000), true, 'a number that was released twice frees nobody else')
  })

  clause('who has not seen the newer token gets it instead of a claim', async bench => {
    const store = await bench.connect()
    const stored = await bench.stored(store, 'first')
    const result = await store.claim(bench.key, { ...request, seenGeneration: stored.generation - 1 })
    assert.deepEqual(result, { status: 'newer', token: stored })
    await bench.claimed(store, 'B', { seenGeneration: stored.generation })
    const whileBusy = await store.claim(bench.key, { ...request, holder: 'C' })
    assert.deepEqual(whileBusy, { status: 'newer', token: stored })
  })

  clause('an expired token is no reason to refuse the claim, and comes with it', async bench => {
    const store = await bench.connect()
    const stored = await bench.stored(store, 'first')
    bench.clock.freeze(60_001)
    const result = await store.claim(bench.key, request)
    assert.ok(result.status === 'claimed')
    assert.deepEqual(result.entry.token, stored)
  })

  clause('a failure is remembered until its time is over, and told to all', async bench => {
    const [one, two] = [await bench.connect(), await bench.connect()]
    const { retryInMs, ...facts } = failureOfModel({ message: 'Down.', retryInMs: 500 })
    await one.fail(await bench.claimed(one, 'A'), { ...facts, retryInMs })
    bench.clock.freeze(100)
    bench.clock.jumpWall(-3_600_000)
    const result = await two.claim(bench.key, request)
    assert.deepEqual(result, { status: 'failed', failure: { ...facts, retryInMs: 400 } })
    assert.deepEqual((await two.read(bench.key)).failure, { ...facts, retryInMs: 400 })
    bench.clock.freeze(401)
    assert.equal((await two.read(bench.key)).failure, undefined)
    await bench.claimed(two, 'B')
  })

  clause('an explicit refresh claims in spite of a remembered failure, but not over a live claim', async bench => {
    const store = await bench.connect()
    await store.fail(await bench.claimed(store, 'A'), failureOfModel())
    await bench.claimed(store, 'B', { force: true })
    assert.equal((await store.claim(bench.key, { ...request, force: true })).status, 'busy')
  })

  clause('a failure of other credentials is forgotten', async bench => {
    const store = await bench.connect()
    const claim = await bench.claimed(store, 'A', { credentialVersion: 'v1' })
    await store.fail(claim, failureOfModel({ credentialVersion: 'v1' }))
    assert.equal((await store.claim(bench.key, { ...request, credentialVersion: 'v1' })).status, 'failed')
    await bench.claimed(store, 'B', { credentialVersion: 'v2' })
  })

  clause('a success clears a remembered failure; a failure without a time releases and holds nobody', async bench => {
    const store = await bench.connect()
    await store.fail(await bench.claimed(store, 'A'), failureOfModel({ retryInMs: 0 }))
    await store.fail(await bench.claimed(store, 'A'), failureOfModel())
    await store.commit(await bench.claimed(store, 'A', { force: true }), bench.token('good'))
    assert.equal((await store.read(bench.key)).failure, undefined)
  })

  clause('an intent outlives its claim and its take-over until a commit that spent this grant', async bench => {
    const store = await bench.connect()
    const spent = fingerprint('grant 1')
    const first = await bench.claimed(store, 'A')
    assert.equal(await store.intend(first, spent), true)
    bench.clock.freeze(1001)
    const second = await store.claim(bench.key, request)
    assert.ok(second.status === 'claimed')
    assert.deepEqual(second.entry.intent, { spent, ageMs: 1001 })
    await store.fail(second.claim, failureOfModel({ code: 'uncertain', disposition: 'uncertain', unspent: true }))
    assert.deepEqual((await store.read(bench.key)).intent, { spent, ageMs: 1001 }, 'only who announced it can say so')
    const late = await store.commit(first, bench.token('late', { grant: { value: 'grant 2' } }), { spent })
    assert.equal(late.status, 'stored')
    assert.equal((await store.read(bench.key)).intent, undefined)
  })

  clause('a failure that certainly spent nothing resolves its own intent, even late', async bench => {
    const store = await bench.connect()
    const claim = await bench.claimed(store, 'A')
    await store.intend(claim, fingerprint('grant 1'))
    bench.clock.freeze(1001)
    await bench.claimed(store, 'B')
    await store.fail(claim, failureOfModel({ unspent: true }))
    assert.equal((await store.read(bench.key)).intent, undefined)
    assert.equal((await store.claim(bench.key, { ...request, holder: 'C' })).status, 'busy', 'the claim was lost')
  })

  clause('after a second announcement of one grant neither holder alone can take it back', async bench => {
    const store = await bench.connect()
    const spent = fingerprint('grant 1')
    await store.intend(await bench.claimed(store, 'A'), spent)
    bench.clock.freeze(1500)
    const second = await bench.claimed(store, 'B')
    assert.equal(await store.intend(second, spent), true)
    await store.fail(second, failureOfModel({ unspent: true }))
    assert.deepEqual((await store.read(bench.key)).intent, { spent, ageMs: 1500 }, 'dated by the first')
  })

  clause(
    'nothing may be spent under a claim that is lost or lapsed, or if the grant is not the stored one',
    async bench => {
      const store = await bench.connect()
      await bench.stored(store, 'first', { grant: { value: 'grant 2' } })
      const claim = await bench.claimed(store, 'A', { seenGeneration: Infinity })
      assert.equal(await store.intend(claim, fingerprint('grant 1')), false)
      assert.equal(await store.intend(claim, fingerprint('grant 2')), true)
      bench.clock.freeze(1001)
      assert.equal(await store.intend(claim, fingerprint('grant 2')), false)
      await bench.claimed(store, 'B', { seenGeneration: Infinity })
      assert.equal(await store.intend(claim, fingerprint('grant 2')), false)
    },
  )

  if (!persistent) return

  clause('after a reboot claims have lapsed, failures are forgotten, and intents are of unknown age', async bench => {
    const before = await bench.connect()
    await before.intend(await bench.claimed(before, 'A', { ttlMs: 60_000 }), fingerprint('grant 1'))
    const other = keyOf('crm/client?scope=read')
    await before.fail(await bench.claimed(before, 'A', {}, other), failureOfModel({ retryInMs: 60_000 }))
    const after = await bench.connect(new FakeClock({ bootId: 'next-boot', monotonicMs: 500 }))
    const result = await after.claim(bench.key, request)
    assert.ok(result.status === 'claimed')
    assert.deepEqual(result.entry.intent, { spent: fingerprint('grant 1'), ageMs: Infinity })
    assert.deepEqual(await after.read(other), {})
    await bench.claimed(after, 'B', {}, other)
  })
}
