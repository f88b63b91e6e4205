import fc from 'fast-check'
import { createTokenManager, type TokenHandle } from 'hotwell'
import { FakeClock, settled } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { lifetimeOf, marginMs } from '../../src/tokens/lifetime.ts'
import { after, apiOf, closeSoon, failureOfCall, now, scene, Upstream } from './scene.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const standard = { thresholdSeconds: 900, jitterSeconds: 0 }

/** How long before its end a token of this life is renewed, in seconds. */
async function marginOf(lifeSeconds: number, provider = {}, ref: 'api/app' | 'api/tenant/acme' = 'api/app') {
  const { clock, tokens, upstream } = scene({ provider })
  upstream.lifeSeconds = lifeSeconds
  await after(clock, 100, tokens.token(ref).get())
  const { expiresAt, softExpiresAt } = tokens.token(ref).inspect()
  return (expiresAt! - softExpiresAt!) / second
}

describe('the margin', () => {
  test('a 60-second token is cached for three quarters of its life', async () => {
    const margin = await marginOf(60)
    expect(margin).toBeLessThanOrEqual(15)
    expect(margin).toBeGreaterThan(13.5)
  })

  test('a 7,200-second token is renewed about 15 minutes early', async () => {
    const margin = await marginOf(7200)
    expect(margin).toBeLessThanOrEqual(900)
    expect(margin).toBeGreaterThan(810)
  })

  test('a Lark token is never renewed before a new one can be had: 1,740 s at most', () => {
    const options = { thresholdSeconds: 3600, jitterSeconds: 0, maximumSeconds: 1740 }
    const margins = Array.from({ length: 1000 }, (_, i) => marginMs(7200 * second, `feishu/tenant/${i}`, options))
    expect(Math.max(...margins)).toBeLessThanOrEqual(1740 * second)
    expect(Math.min(...margins)).toBeGreaterThan(1740 * 0.9 * second)
  })

  test('and with the threshold over the window, a manager keeps a minute inside it', async () => {
    const { clock, tokens } = scene({ provider: { notBeforeSeconds: 1800 }, preheat: { thresholdSeconds: 3600 } })
    await after(clock, 100, tokens.token('api/app').get())
    const { expiresAt, softExpiresAt } = tokens.token('api/app').inspect()
    expect(expiresAt! - softExpiresAt!).toBeLessThanOrEqual(1740 * second)
    expect(expiresAt! - softExpiresAt!).toBeGreaterThan(1560 * second)
  })

  test('is spread over 0 to 10 %, always the same for the same ref', () => {
    const margins = Array.from({ length: 1000 }, (_, i) => marginMs(7200 * second, `api/tenant/${i}`, standard))
    expect(Math.max(...margins)).toBeLessThanOrEqual(900 * second)
    expect(Math.max(...margins)).toBeGreaterThan(898 * second)
    expect(Math.min(...margins)).toBeGreaterThanOrEqual(810 * second)
    expect(Math.min(...margins)).toBeLessThan(812 * second)
    expect(marginMs(7200 * second, 'api/tenant/7', standard)).toBe(margins[7])
  })

  test('grows to four times the P99 of a slow provider', async () => {
    const { clock, tokens, upstream } = scene({ preheat: { thresholdSeconds: 10 } })
    upstream.latencyMs = 30 * second
    for (let i = 0; i < 25; i++) await after(clock, 31 * second, tokens.token(`api/tenant/t${i}`).get())
    await after(clock, 31 * second, tokens.token('api/app').get())
    const { expiresAt, softExpiresAt } = tokens.token('api/app').inspect()
    expect((expiresAt! - softExpiresAt!) / second).toBeGreaterThan(0.9 * 4 * 29)
    expect((expiresAt! - softExpiresAt!) / second).toBeLessThan(4 * 31)
  })
})

describe('between soft and hard', () => {
  test('nobody waits: the old token is served while one renewal runs behind', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    await clock.advance(6600 * second)
    expect(acme.inspect().state).toBe('stale')
    for (let i = 0; i < 100; i++) expect(await acme.get()).toBe('token-1-of-acme')
    expect(acme.peek()).toBe('token-1-of-acme')
    expect(upstream.calls).toBe(2)
    await clock.advance(100)
    expect(acme.peek()).toBe('token-2-of-acme')
    expect(acme.inspect()).toMatchObject({ state: 'fresh', renewals: 1 })
  })

  test('peek() alone starts the renewal, and brings back a token that it had seen die', async () => {
    const { clock, tokens } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    await clock.advance(3 * hour)
    expect(acme.peek()).toBeUndefined()
    await clock.advance(100)
    expect(acme.peek()).toBe('token-2-of-acme')
  })

  test('after a failed renewal no lookup starts another before its pause is over', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    await clock.advance(6600 * second)
    upstream.failure = new Error('down')
    await acme.get()
    while (records.length < 2) await clock.advance(50)
    const { calls } = upstream
    const flights = tokens.metrics.totalWriteLocks()
    for (let i = 0; i < 50; i++) await acme.get()
    await clock.advance(200)
    expect(upstream.calls).toBe(calls)
    expect(tokens.metrics.totalWriteLocks()).toBe(flights)
  })

  test('a token that came back unchanged is not asked for again by the next lookup', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const value = await after(clock, 100, acme.get())
    const { expiresAt } = await acme.getDetails()
    upstream.answer = ({ clock }) => ({ value, expiresInSeconds: (expiresAt - clock.now()) / 1000 })
    await clock.advance(6600 * second)
    for (let i = 0; i < 100; i++) {
      await acme.get()
      await clock.advance(second)
    }
    expect(upstream.calls).toBe(2)
    // It is asked for again in time, though nobody said when the provider issues another one.
    upstream.answer = undefined
    while (clock.now() < expiresAt - second && acme.peek() === value) await clock.advance(second)
    expect(acme.peek()).toBe('token-2-of-acme')
  })
})

describe('life', () => {
  test('counts from the moment the request was sent, not from the reply', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.latencyMs = 20 * second
    upstream.lifeSeconds = 60
    const acme = tokens.token('api/tenant/acme')
    const sentAt = clock.now()
    await after(clock, 20 * second, acme.get())
    expect((await acme.getDetails()).expiresAt).toBe(sentAt + minute)
    expect(acme.inspect().expirySeconds()).toBe(40)
    expect(acme.inspect().expiresWithin(41)).toBe(true)
    expect(acme.inspect().expiresWithin(39)).toBe(false)
  })

  test('a token that is dead when it arrives is served to nobody', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.latencyMs = 1500
    upstream.lifeSeconds = 1
    const error = await after(clock, 20 * second, failureOfCall(tokens.token('api/app').get()))
    expect(error).toMatchObject({ code: 'provider_error' })
    expect(error.message).toMatch(/longer to answer than the token lives/)
    expect(tokens.token('api/app').peek()).toBeUndefined()
  })

  test('a one-second token is served for its second and no longer', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.latencyMs = 10
    upstream.lifeSeconds = 1
    const app = tokens.token('api/app')
    await after(clock, 10, app.get())
    clock.freeze(980)
    expect(await app.get()).toBe('token-1-of-app')
    clock.freeze(20)
    expect(app.peek()).toBeUndefined()
  })

  test('a token that never ends is kept, and asked for no more', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    upstream.lifeSeconds = Number.POSITIVE_INFINITY
    await clock.advance(100)
    await clock.advance(30 * hour)
    expect(tokens.token('api/app').peek()).toBe('token-1-of-app')
    expect(upstream.calls).toBe(1)
    expect(tokens.token('api/app').inspect()).toMatchObject({ state: 'fresh', expiresAt: Number.POSITIVE_INFINITY })
  })

  test('the fast path gives way to the real clock two ticks before any end, however small the margin', () => {
    const clock = new FakeClock()
    const token = { value: 'v', tokenType: 'Bearer', generation: 1, renewals: 0, issuedAt: clock.now() }
    for (const lifeMs of [50, 100, 1000, 60_000]) {
      const record = { ...token, lifeMs, expiresAt: clock.now() + lifeMs }
      const { freshUntil, hardAt } = lifetimeOf(record, clock, 1, clock.monotonic())
      expect(hardAt - freshUntil).toBeGreaterThanOrEqual(100)
    }
  })

  test('a restored token lives for the smaller of what its expiry says and what was recorded', () => {
    const clock = new FakeClock()
    const record = { value: 'v', tokenType: 'Bearer', generation: 1, renewals: 0, issuedAt: 0, lifeMs: hour }
    const later = lifetimeOf({ ...record, expiresAt: clock.now() + 5 * hour }, clock, minute)
    expect(later.hardAt - clock.monotonic()).toBe(hour)
    const sooner = lifetimeOf({ ...record, expiresAt: clock.now() + minute }, clock, 1)
    expect(sooner.hardAt - clock.monotonic()).toBe(minute)
  })
})

describe('clocks that jump', () => {
  test('an hour back lengthens no life', async () => {
    const { clock, tokens } = scene({ preheat: false })
    const app = tokens.token('api/app')
    await after(clock, 100, app.get())
    clock.jumpWall(-hour)
    await clock.advance(2 * second)
    expect(app.inspect().expirySeconds()).toBeLessThanOrEqual(7200)
    await clock.advance(7200 * second - 2100)
    expect(app.peek()).toBeUndefined()
  })

  test('an hour forward, or a suspend of an hour, ends what the wall clock says is over', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.lifeSeconds = 1800
    const app = tokens.token('api/app')
    await after(clock, 100, app.get())
    const jumps: number[] = []
    tokens.on('clock.jumped', ({ byMs }) => jumps.push(byMs))
    clock.jumpWall(hour)
    await clock.advance(second)
    expect(jumps).toEqual([hour])
    expect(app.peek()).toBeUndefined()
    await clock.advance(200)
    expect(await app.get()).toBe('token-2-of-app')
  })

  test('an hour forward makes a long token soft at once when its end by the wall clock is near', async () => {
    const { clock, tokens, upstream } = scene({})
    const app = tokens.token('api/app')
    await after(clock, 100, app.get())
    clock.jumpWall(7200 * second - 5 * minute)
    await clock.advance(5 * minute - 2 * second)
    expect(upstream.calls).toBe(2)
    expect(app.peek()).toBe('token-2-of-app')
  })

  test('a jump during an acquisition does not make its token outlive either clock', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.lifeSeconds = 600
    const app = tokens.token('api/app')
    const value = app.get()
    await clock.advance(50)
    clock.jumpWall(hour)
    await clock.advance(10 * second)
    const details = await now(app.getDetails())
    expect(await value).toBe('token-2-of-app')
    expect(details).toMatchObject({ expiresAt: expect.closeTo(clock.now() + 600 * second, -5) })
  })
})

const scale = process.env.HOTWELL_TEST_SCALE === 'long' ? 2000 : 120

test('whatever is handed out was alive by both clocks, whatever lives, latencies, jumps and suspends come', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -hour, max: hour }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('freeze' as const), ms: fc.integer({ min: 1, max: 100_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidate' as const), ms: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), ms: fc.integer({ min: 0, max: 1 }) }) },
  )
  const run = fc.record({
    lives: fc.array(fc.double({ min: 0.05, max: 300, noNaN: true }), { minLength: 1, maxLength: 8 }),
    latencies: fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 8 }),
    preheat: fc.boolean(),
    steps: fc.array(step, { minLength: 5, maxLength: 30 }),
  })
  await fc.assert(
    fc.asyncProperty(run, async ({ lives, latencies, preheat, steps }) => {
      const clock = new FakeClock()
      const upstream = new Upstream()
      const ends = new Map<string, { wall: number; monotonic: number }>()
      // How long the event loop has turned since the wall clock jumped.
      let turnedMs = Number.POSITIVE_INFINITY
      let frozenMs = 0
      const provider = apiOf(upstream)
      provider.acquire = async request => {
        upstream.lifeSeconds = lives[upstream.calls % lives.length]!
        upstream.latencyMs = latencies[upstream.calls % latencies.length]!
        const { lifeSeconds } = upstream
        const [wall, monotonic] = [clock.now() + lifeSeconds * second, clock.monotonic() + lifeSeconds * second]
        const token = await upstream.acquire(request)
        token.expiresInSeconds = lifeSeconds
        ends.set(token.value, { wall, monotonic })
        return token
      }
      const tokens = createTokenManager({ providers: { api: provider }, clock, preheat: preheat ? 'standard' : false })
      const app: TokenHandle = tokens.token('api/app')
      const violations: string[] = []
      const check = (value: string | undefined, how: string) => {
        if (value === undefined) return
        const end = ends.get(value)!
        // Once a second the clocks are compared: for that second a jump of the wall clock may go unnoticed.
        const noticed = turnedMs > second
        if (clock.monotonic() > end.monotonic || (noticed && clock.now() > end.wall)) violations.push(`${how} ${value}`)
      }
      for (const { do: what, ms } of steps) {
        if (what === 'advance') {
          await clock.advance(ms)
          turnedMs += ms + frozenMs
          frozenMs = 0
        }
        if (what === 'freeze') {
          clock.freeze(ms)
          frozenMs += ms
        }
        if (what === 'jump') {
          clock.jumpWall(ms)
          turnedMs = frozenMs = 0
        }
        if (what === 'invalidate') await app.invalidate()
        if (what === 'fail') upstream.failure = ms ? new Error('down') : undefined
        check(app.peek(), 'peek')
        void app.get().then(
          value => check(value, 'get'),
          () => {},
        )
        void app.getDetails().then(
          ({ value }) => check(value, 'getDetails'),
          () => {},
        )
        void app.get({ minTtlSeconds: 20 }).then(
          value => check(value, 'minTtl'),
          () => {},
        )
        await settled()
      }
      await closeSoon(tokens, clock)
      check(app.peek(), 'peek after closing')
      clock.freeze(hour)
      check(app.peek(), 'peek long after closing')
      expect(violations).toEqual([])
    }),
    { numRuns: scale },
  )
})
