import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTokenManager, isHotwellError, providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { after, apiOf, closeSoon, failureOfCall, scene, Upstream } from './scene.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const subjects = process.env.HOTWELL_TEST_SCALE === 'long' ? 200_000 : 12_000

test('ever new subjects that all fail do not fill the memory', async () => {
  const clock = new FakeClock()
  const acquire = () => Promise.reject(providerFailure({ disposition: 'terminal', message: 'no such tenant' }))
  const provider = custom({
    kinds: ['app', 'tenant'],
    acquire,
    dependsOn: ref => (ref.kind === 'tenant' ? 'ok/app' : undefined),
  })
  const ok = custom({ kinds: ['app'], acquire: async () => ({ value: 'v', expiresInSeconds: 1e6 }) })
  const store = memory({ clock, maxEntries: 1000 })
  const gate = { maxConcurrentOther: 10_000, maxConcurrentPerProvider: 10_000 }
  const tokens = createTokenManager({ providers: { api: provider, ok }, clock, store, gate })
  const held: number[] = []
  for (let i = 0; i < subjects; i += 2000) {
    const calls = Array.from({ length: 2000 }, (_, j) => tokens.token(`api/tenant/t${i + j}`).get())
    await Promise.allSettled(calls)
    await clock.advance(1000)
    collectGarbage()
    await clock.advance(1)
    held.push(process.memoryUsage().heapUsed)
  }
  expect(tokens.list().length).toBeLessThan(7000)
  const growth = held.at(-1)! - held[Math.floor(held.length / 2)]!
  expect(growth / (subjects / 2)).toBeLessThan(400)
  await closeSoon(tokens, clock)
})

describe('an entry that was let go', () => {
  /** A handle whose entry the manager has let go, because thousands of others came. */
  async function letGo(given: Parameters<typeof scene>[0] = {}) {
    const made = scene({ preheat: false, ...given })
    const { clock, tokens, upstream } = made
    upstream.failure = providerFailure({ disposition: 'terminal', message: 'not yet' })
    const handle = tokens.token('api/tenant/held')
    await after(clock, 200, failureOfCall(handle.get()))
    for (let i = 0; i < 3000; i++) tokens.token(`api/tenant/t${i}`)
    expect(tokens.list().some(({ ref }) => ref === handle.ref)).toBe(false)
    upstream.failure = undefined
    await clock.advance(61_000)
    return { ...made, handle }
  }

  test('is the same one while somebody holds its handle', async () => {
    const { tokens, handle } = await letGo()
    collectGarbage()
    expect(tokens.token('api/tenant/held')).toBe(handle)
    expect(tokens.token({ provider: 'api', kind: 'tenant', subject: 'held' })).toBe(handle)
  })

  test('comes back when its handle is used, and takes part in everything again', async () => {
    const { clock, tokens, upstream, handle } = await letGo()
    upstream.lifeSeconds = 1800
    expect(await after(clock, 200, handle.get())).toBe('token-1-of-held')
    expect(tokens.list().some(({ ref }) => ref === handle.ref)).toBe(true)
    clock.jumpWall(3_600_000)
    await clock.advance(1000)
    expect(handle.peek()).toBeUndefined()
  })

  test('uses the configuration of now', async () => {
    const { clock, tokens, upstream, handle } = await letGo()
    const next = custom({ kinds: ['tenant'], acquire: async () => ({ value: 'new', expiresInSeconds: 60 }) })
    tokens.reconfigure({ providers: { api: next }, preheat: false })
    expect(await after(clock, 200, handle.get())).toBe('new')
    tokens.reconfigure({ providers: { api: apiOf(upstream) }, preheat: false })
  })
})

test('refs are refused synchronously, with a code that says why', () => {
  const { tokens } = scene({ preheat: false, provider: { knows: ref => ref.subject !== 'nobody' } })
  const cases = {
    'api/tenant/acme?scope=admin': 'invalid_ref',
    'api/tenant': 'invalid_ref',
    'api/app/x': 'invalid_ref',
    'api/tenant/%ff': 'invalid_ref',
    [`api/tenant/${'x'.repeat(300)}`]: 'invalid_ref',
    'nobody/app': 'unknown_provider',
    'api/client': 'unknown_kind',
    'api/tenant/nobody': 'unknown_subject',
    'api/account': 'unknown_subject',
  }
  for (const [ref, code] of Object.entries(cases)) {
    try {
      tokens.token(ref as never)
      expect.unreachable(ref)
    } catch (error) {
      expect(isHotwellError(error) && error.code, ref).toBe(code)
    }
  }
  expect(tokens.list()).toEqual([])
})

test('nothing that has to be stopped is left behind when the options are refused', () => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const api = apiOf(new Upstream())
  const bad = [
    () => createTokenManager({ providers: { api }, gate: { maxConcurrentOther: 0 } }),
    () => createTokenManager({ providers: { api }, preheat: 'hot' as never }),
    () => createTokenManager({ providers: { api }, manifest: ['nobody/app' as never] }),
    () => createTokenManager({ providers: { api: {} as never } }),
    () => createTokenManager({ providers: undefined as never }),
  ]
  for (const make of bad) expect(make).toThrow(expect.objectContaining({ name: 'HotwellError' }))
  expect(timers()).toBe(before)
})

test('a listener that throws hurts nobody', async () => {
  const lines: unknown[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void lines.push(fields) }
  const { clock, tokens } = scene({ preheat: false, logger })
  tokens.on('acquisition.finished', () => {
    throw new Error('mine')
  })
  expect(await after(clock, 200, tokens.token('api/app').get())).toBe('token-1-of-app')
  expect(lines).toEqual([expect.objectContaining({ event: 'acquisition.finished' })])
})

test('a misspelt provider or kind does not compile', () => {
  const { tokens } = scene({ preheat: false })
  expectTypeOf(tokens.token).toBeCallableWith('api/tenant/acme')
  expectTypeOf(tokens.token).toBeCallableWith({ provider: 'api', kind: 'app' })
  const wrong = [
    // @ts-expect-error no such provider
    () => tokens.token('apo/app'),
    // @ts-expect-error no such kind
    () => tokens.token('api/client'),
    // @ts-expect-error no such provider
    () => tokens.token({ provider: 'apo', kind: 'app' }),
    // @ts-expect-error no such provider
    () => createTokenManager({ providers: { api: apiOf(new Upstream()) }, manifest: ['apo/app'] }),
  ]
  for (const call of wrong) expect(call).toThrow()
})
