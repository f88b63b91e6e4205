import assert from 'node:assert/strict'
import { fingerprint } from '../tokens/token-key.ts'
import {
  clauseMaker,
  failureOfModel,
  keyOf,
  listenTo,
  type MakeStore,
  type TestFunction,
} from './token-store-harness.ts'

/** What is kept, under which generation, and who is told. */
export function recordClauses(test: TestFunction, makeStore: MakeStore, persistent: boolean): void {
  const clause = clauseMaker(test, makeStore)

  clause('a key nobody wrote is empty', async bench => {
    assert.deepEqual(await (await bench.connect()).read(bench.key), {})
  })

  clause('what was committed is read by all, to the last field', async bench => {
    const [one, two] = [await bench.connect(), await bench.connect()]
    const token = bench.token('välue \u{1f511} 令牌', {
      tokenType: 'DPoP',
      scope: 'read write',
      grant: { value: 'grant 1', expiresAt: bench.clock.now() + 1e9 },
    })
    const result = await one.commit(await bench.claimed(one, 'A'), token)
    assert.ok(result.status === 'stored')
    assert.deepEqual(result.token, { ...token, generation: result.token.generation, renewals: 0 })
    assert.deepEqual(await two.read(bench.key), { token: result.token })
    await bench.claimed(two, 'B', { seenGeneration: result.token.generation })
  })

  clause('a token that never expires and one of 128 kB are kept', async bench => {
    const store = await bench.connect()
    const forever = await bench.stored(store, 'forever', { expiresAt: Infinity })
    assert.equal(forever.expiresAt, Infinity)
    bench.clock.freeze(1e10)
    assert.deepEqual((await store.read(bench.key)).token, forever)
    const big = await bench.stored(store, 'x'.repeat(128 * 1024))
    assert.deepEqual((await store.read(bench.key)).token, big)
  })

  clause('generations grow past what is stored, what was seen and the wall clock; renewals count', async bench => {
    const store = await bench.connect()
    const first = await bench.stored(store, 'first')
    assert.ok(first.generation >= bench.clock.now())
    bench.clock.jumpWall(-3_600_000)
    const second = await bench.stored(store, 'second')
    assert.ok(second.generation > first.generation)
    const seenGeneration = second.generation + 1000
    const third = await store.commit(await bench.claimed(store, 'A', { seenGeneration }), bench.token('third'), {
      seenGeneration,
    })
    assert.ok(third.status === 'stored' && third.token.generation === seenGeneration + 1)
    assert.deepEqual(
      [first, second, third.token].map(t => t.renewals),
      [0, 1, 2],
    )
  })

  clause('the same token once more is a new generation but no renewal', async bench => {
    const store = await bench.connect()
    const first = await bench.stored(store, 'same')
    const second = await bench.stored(store, 'same')
    assert.ok(second.generation > first.generation)
    assert.equal(second.renewals, 0)
  })

  clause('a late commit is superseded once somebody else has claimed, and learns the stored token', async bench => {
    const store = await bench.connect()
    const late = await bench.claimed(store, 'A')
    bench.clock.freeze(1001)
    const next = await bench.claimed(store, 'B')
    assert.deepEqual(await store.commit(late, bench.token('late')), { status: 'superseded' })
    const good = await store.commit(next, bench.token('good'))
    assert.ok(good.status === 'stored')
    assert.deepEqual(await store.commit(late, bench.token('late')), { status: 'superseded', token: good.token })
    assert.deepEqual((await store.read(bench.key)).token, good.token)
  })

  clause('a late commit is stored while nobody else has claimed, also after its own failure', async bench => {
    const store = await bench.connect()
    const claim = await bench.claimed(store, 'A')
    await store.fail(claim, failureOfModel({ code: 'timeout' }))
    bench.clock.freeze(5000)
    const late = await store.commit(claim, bench.token('late'))
    assert.equal(late.status, 'stored')
    assert.equal((await store.read(bench.key)).failure, undefined)
  })

  clause('a late but true successor wins over whoever claimed since, and leaves them their claim', async bench => {
    const store = await bench.connect()
    await bench.stored(store, 'first', { grant: { value: 'grant 1' } })
    const late = await bench.claimed(store, 'A', { seenGeneration: Infinity })
    await store.intend(late, fingerprint('grant 1'))
    bench.clock.freeze(1001)
    const held = await bench.claimed(store, 'B', { seenGeneration: Infinity })
    const result = await store.commit(late, bench.token('second', { grant: { value: 'grant 2' } }), {
      spent: fingerprint('grant 1'),
    })
    assert.equal(result.status, 'stored')
    assert.equal(await store.extend(held, 1000), true)
    assert.equal(await store.intend(held, fingerprint('grant 1')), false, 'its view of the grant is out of date')
    const { token } = await store.read(bench.key)
    assert.deepEqual([token?.value, token?.grant?.value], ['second', 'grant 2'])
  })

  clause('a successor of a grant that is not the stored one changes nothing', async bench => {
    const store = await bench.connect()
    const claim = await bench.claimed(store, 'A')
    await store.commit(claim, bench.token('first', { grant: { value: 'grant 2' } }))
    const again = await bench.claimed(store, 'A', { seenGeneration: Infinity })
    const options = { spent: fingerprint('grant 1') }
    const result = await store.commit(again, bench.token('stale', { grant: { value: 'grant 1b' } }), options)
    assert.equal(result.status, 'superseded')
    assert.equal((await store.read(bench.key)).token?.grant?.value, 'grant 2')
  })

  clause(
    'a token that comes without a grant keeps the stored one; a new grant ends the intent of the old',
    async bench => {
      const store = await bench.connect()
      const spent = fingerprint('grant 1')
      await bench.stored(store, 'first', { grant: { value: 'grant 1' } })
      const claim = await bench.claimed(store, 'A', { seenGeneration: Infinity })
      await store.intend(claim, spent)
      await store.commit(claim, bench.token('second'))
      const kept = await store.read(bench.key)
      assert.equal(kept.token?.grant?.value, 'grant 1')
      assert.equal(kept.intent?.spent, spent)
      await bench.stored(store, 'third', { grant: { value: 'grant of a new sign-in' } })
      assert.equal((await store.read(bench.key)).intent, undefined)
    },
  )

  clause('an invalidated token is gone, its generation stays until its end, its grant for good', async bench => {
    const [one, two] = [await bench.connect(), await bench.connect()]
    const token = await bench.stored(one, 'rejected', { grant: { value: 'grant 1' } })
    assert.equal(await two.invalidate(bench.key, token.generation - 1), false)
    assert.equal(await two.invalidate(bench.key, token.generation), true)
    assert.equal(await one.invalidate(bench.key, token.generation), false)
    const grant = { value: 'grant 1' }
    assert.deepEqual(await one.read(bench.key), { tombstone: token.generation, grant })
    bench.clock.jumpWall(-30_000)
    const next = await bench.stored(one, 'next')
    assert.ok(next.generation > token.generation)
    await two.invalidate(bench.key, next.generation)
    bench.clock.freeze(90_001)
    assert.deepEqual(await two.read(bench.key), { grant })
  })

  clause('the newer token survives the invalidation of its predecessor', async bench => {
    const store = await bench.connect()
    const first = await bench.stored(store, 'first')
    const second = await bench.stored(store, 'second')
    assert.equal(await store.invalidate(bench.key, first.generation), false)
    assert.deepEqual((await store.read(bench.key)).token, second)
  })

  clause('watchers learn successes, failures, releases and invalidations of others', async bench => {
    const [mine, other] = [await bench.connect(), await bench.connect()]
    const { events, has, end } = listenTo(mine)
    const { id } = bench.key
    const token = await bench.stored(other, 'first')
    assert.ok(await bench.until(() => has('stored', id)), 'stored')
    await other.invalidate(bench.key, token.generation)
    assert.ok(await bench.until(() => has('invalidated', id)), 'invalidated')
    await other.fail(await bench.claimed(other, 'A'), failureOfModel())
    assert.ok(await bench.until(() => has('failed', id)), 'failed')
    const second = keyOf('crm/client?scope=read')
    await other.release(await bench.claimed(other, 'A', {}, second))
    assert.ok(await bench.until(() => has('released', second.id)), 'released')
    end()
    const told = events.length
    await bench.stored(other, 'second', {}, second)
    await bench.clock.advance(1000)
    assert.equal(events.length, told, 'nobody is told after the end')
  })

  clause('a listener that throws hurts nobody, and no timer runs without a watcher', async bench => {
    const store = await bench.connect()
    const timers = bench.clock.pending
    const endThrowing = store.watch(() => {
      throw new Error('a listener fails')
    })
    const { has, end } = listenTo(store, { urgent: true })
    await bench.stored(store, 'first')
    assert.ok(await bench.until(() => has('stored', bench.key.id)))
    end()
    endThrowing()
    end()
    assert.equal(bench.clock.pending, timers)
  })

  clause('opening and closing twice is harmless, and a sound store has no problems', async bench => {
    const store = await bench.connect()
    await store.open()
    await bench.stored(store, 'first')
    assert.deepEqual(store.problems(), [])
    await store.close()
    await store.close()
  })

  if (!persistent) return

  clause('a change between the last look and the watch is told', async bench => {
    const [mine, other] = [await bench.connect(), await bench.connect()]
    const claim = await bench.claimed(other, 'A')
    const busy = await mine.claim(bench.key, { holder: 'B', ttlMs: 1000, seenGeneration: 0 })
    assert.equal(busy.status, 'busy')
    await other.commit(claim, bench.token('first'))
    const { has, end } = listenTo(mine, { urgent: true })
    assert.ok(await bench.until(() => has('stored', bench.key.id)))
    end()
  })

  clause('after a restart the token, its grant, tombstones and intents are there', async bench => {
    const before = await bench.connect()
    const token = await bench.stored(before, 'first', { grant: { value: 'grant 1' } })
    const second = keyOf('crm/client?scope=read')
    const rejected = await bench.stored(before, 'rejected', {}, second)
    await before.invalidate(second, rejected.generation)
    const claim = await bench.claimed(before, 'A', { seenGeneration: token.generation })
    await before.intend(claim, fingerprint('grant 1'))
    await before.close()
    const after = await bench.connect()
    assert.deepEqual(await after.read(bench.key), { token, intent: { spent: fingerprint('grant 1'), ageMs: 0 } })
    assert.deepEqual(await after.read(second), { tombstone: rejected.generation })
  })
}
