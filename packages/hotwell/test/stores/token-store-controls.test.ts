import { expect, test } from 'vitest'
import type { FakeClock } from '../../src/testing/fake-clock.ts'
import { tokenStoreContract } from '../../src/testing/token-store-contract.ts'
import { memory } from '../../src/tokens/stores/memory.ts'
import type { Claim, StoreEntry, TokenRecord, TokenStore } from '../../src/tokens/token-store.ts'

/** Runs the suite on a store and returns the names of the tests that fail. */
async function failing(breakStore: (store: TokenStore, clock: FakeClock) => Partial<TokenStore>): Promise<string[]> {
  const tests: { name: string; run: () => Promise<void> }[] = []
  tokenStoreContract(
    (name, run) => tests.push({ name, run }),
    clock => {
      const store = memory({ clock })
      const broken = Object.assign(Object.create(store), breakStore(store, clock)) as TokenStore
      for (const name of ['open', 'close', 'problems'] as const) broken[name] = (() => store[name]()) as never
      return { connect: () => broken }
    },
    { persistent: false, runs: 100 },
  )
  const failed: string[] = []
  for (const { name, run } of tests) await run().catch(() => failed.push(name))
  return failed
}

const model = expect.stringContaining('model, ')

test('control: the suite passes on a sound store that is wrapped like the broken ones', async () => {
  expect(await failing(() => ({}))).toEqual([])
})

test('control: a commit that looks at the claim instead of the spent grant is caught', async () => {
  const failed = await failing(store => ({
    commit: (claim, token, options) => store.commit(claim, token, { ...options, spent: undefined }),
  }))
  expect(failed).toContainEqual(expect.stringContaining('a late but true successor wins'))
  expect(failed).toContainEqual(model)
})

test('control: a store that forgets the intent when somebody takes over is caught', async () => {
  const failed = await failing(store => ({
    claim: async (key, request) => {
      const result = await store.claim(key, request)
      return result.status === 'claimed' ? { ...result, entry: without(result.entry, 'intent') } : result
    },
  }))
  expect(failed).toContainEqual(expect.stringContaining('an intent outlives its claim'))
  expect(failed).toContainEqual(model)
})

test('control: a claim without a fence, that anybody may commit or release under, is caught', async () => {
  const failed = await failing(store => {
    const latest = new Map<string, Claim>()
    const unfenced = (claim: Claim) => latest.get(claim.key.id) ?? claim
    return {
      claim: async (key, request) => {
        const result = await store.claim(key, request)
        if (result.status === 'claimed') latest.set(key.id, result.claim)
        return result
      },
      commit: (claim, token, options) => store.commit(unfenced(claim), token, options),
      release: claim => store.release(unfenced(claim)),
      fail: (claim, failure) => store.fail(unfenced(claim), failure),
    }
  })
  expect(failed).toContainEqual(expect.stringContaining('a claim is released by its owner only'))
  expect(failed).toContainEqual(model)
})

test('control: generations from the wall clock alone are caught', async () => {
  const failed = await failing((store, clock) => {
    const shown = new Map<number, number>()
    const show = <T extends TokenRecord | undefined>(token: T) =>
      token && { ...token, generation: shown.get(token.generation) ?? token.generation }
    return {
      read: async key => {
        const entry = await store.read(key)
        return entry.token ? { ...entry, token: show(entry.token) } : entry
      },
      claim: async (key, request) => {
        const result = await store.claim(key, { ...request, seenGeneration: Infinity })
        if (result.status !== 'claimed' || !result.entry.token) return result
        return { ...result, entry: { ...result.entry, token: show(result.entry.token) } }
      },
      commit: async (claim, token, options) => {
        const result = await store.commit(claim, token, options)
        if (result.status === 'stored') shown.set(result.token.generation, clock.now())
        return result.token ? ({ ...result, token: show(result.token) } as typeof result) : result
      },
    }
  })
  expect(failed).toContainEqual(expect.stringContaining('generations grow past'))
  expect(failed).toContainEqual(model)
})

test('control: a store that leaves no tombstone is caught', async () => {
  const failed = await failing(store => ({
    read: async key => without(await store.read(key), 'tombstone'),
    claim: async (key, request) => {
      const result = await store.claim(key, request)
      return result.status === 'claimed' ? { ...result, entry: without(result.entry, 'tombstone') } : result
    },
  }))
  expect(failed).toContainEqual(expect.stringContaining('an invalidated token is gone'))
  expect(failed).toContainEqual(model)
})

test('control: claims dated by the wall clock are caught', async () => {
  const failed = await failing((store, clock) => {
    const since = clock.now() - clock.monotonic()
    return {
      claim: async (key, request) => {
        const jumped = clock.now() - clock.monotonic() - since
        const result = await store.claim(key, request)
        return result.status === 'busy' && jumped > request.ttlMs
          ? {
              status: 'claimed',
              claim: { key, holder: request.holder, fence: clock.now() },
              entry: await store.read(key),
            }
          : result
      },
    }
  })
  expect(failed).toContainEqual(expect.stringContaining('a jump of the wall clock neither ends a claim'))
  expect(failed).toContainEqual(model)
})

function without<K extends keyof StoreEntry>(entry: StoreEntry, name: K): Omit<StoreEntry, K> {
  const { [name]: _, ...rest } = entry
  return rest
}
