import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { tokenStoreContract } from '../../src/testing/token-store-contract.ts'
import { keyOf } from '../../src/testing/token-store-harness.ts'
import { memory } from '../../src/tokens/stores/memory.ts'
import type { TokenStore } from '../../src/tokens/token-store.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'

tokenStoreContract(
  test,
  clock => {
    const store = memory({ clock })
    return { connect: () => store }
  },
  { persistent: false, faults: 2, runs: long ? 20_000 : 500 },
)

async function put(store: TokenStore, clock: FakeClock, name: string, grant?: string) {
  const result = await store.claim(keyOf(name), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  if (result.status !== 'claimed') throw new Error(result.status)
  const issuedAt = clock.now()
  const token = { value: name, tokenType: 'Bearer', issuedAt, expiresAt: issuedAt + 60_000, lifeMs: 60_000 }
  await store.commit(result.claim, grant ? { ...token, grant: { value: grant } } : token)
}

test('the memory store is bounded: the least recently used token is dropped', async () => {
  const clock = new FakeClock()
  const store = memory({ maxEntries: 3, clock })
  for (const name of ['a', 'b', 'c']) await put(store, clock, name)
  await store.read(keyOf('a'))
  await put(store, clock, 'd')
  const left = []
  for (const name of ['a', 'b', 'c', 'd']) if ((await store.read(keyOf(name))).token) left.push(name)
  expect(left).toEqual(['a', 'c', 'd'])
})

test('grants, intents and live claims are kept however many there are, and health says so', async () => {
  const clock = new FakeClock()
  const store = memory({ maxEntries: 2, clock })
  await put(store, clock, 'grant 1', 'g1')
  await put(store, clock, 'grant 2', 'g2')
  const claim = await store.claim(keyOf('claimed'), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  await put(store, clock, 'plain')
  expect((await store.read(keyOf('grant 1'))).token?.grant?.value).toBe('g1')
  expect((await store.read(keyOf('grant 2'))).token?.grant?.value).toBe('g2')
  expect(claim.status === 'claimed' && (await store.extend(claim.claim, 1000))).toBe(true)
  expect((await store.read(keyOf('plain'))).token).toBeUndefined()
  expect(store.problems()).toHaveLength(1)
})

test('lapsed claims give their room back', async () => {
  const clock = new FakeClock()
  const store = memory({ maxEntries: 2, clock })
  for (const name of ['x', 'y', 'z']) await store.claim(keyOf(name), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  expect(store.problems()).toHaveLength(1)
  clock.freeze(2000)
  await put(store, clock, 'plain')
  expect(store.problems()).toEqual([])
  expect((await store.read(keyOf('plain'))).token?.value).toBe('plain')
})
