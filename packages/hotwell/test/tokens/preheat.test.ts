import { preheatPresets } from 'hotwell'
import { sleep } from 'hotwell/core'
import { describe, expect, test } from 'vitest'
import { after, failureOfCall, scene, Upstream } from './scene.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

describe('preheating', () => {
  test('a token in use is renewed before its end, again and again, and no caller ever waits', async () => {
    const { clock, tokens, upstream } = scene({})
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    for (let i = 0; i < 24 * 6; i++) {
      await clock.advance(10 * minute)
      expect(acme.peek()).toBeDefined()
    }
    expect(tokens.metrics.snapshot().tenant.misses).toBe(1)
    expect(upstream.requests.slice(1).every(({ trigger }) => trigger === 'preheat')).toBe(true)
    expect(upstream.calls).toBeLessThanOrEqual(16)
  })

  test('a token that nobody asks for during a whole life goes cold; one of the manifest never does', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    await after(clock, 100, tokens.token('api/tenant/acme').get())
    await clock.advance(12 * hour)
    const asked = upstream.requests.map(({ ref }) => ref.kind)
    // Within the first life it still counts as used.
    expect(asked.filter(kind => kind === 'tenant').length).toBeLessThanOrEqual(3)
    expect(asked.filter(kind => kind === 'app').length).toBeGreaterThanOrEqual(7)
    expect(tokens.token('api/tenant/acme').inspect().state).toBe('expired')
    expect(tokens.token('api/app').inspect().state).toMatch(/fresh|stale/)
  })

  test('a token that is used through its fetch alone is a used one', async () => {
    const asked: string[] = []
    const provider = { baseUrls: ['https://api.example.com'], attach: (request: Request) => request }
    const { clock, tokens } = scene({ provider })
    const { fetch } = globalThis
    globalThis.fetch = async request => {
      asked.push((request as Request).url)
      return new Response('ok')
    }
    try {
      const acme = tokens.token('api/tenant/acme')
      await after(clock, 300, acme.fetch('/x'))
      for (let i = 0; i < 12; i++) {
        await clock.advance(hour)
        await after(clock, 1, acme.fetch('/x'))
      }
      expect(tokens.metrics.snapshot().tenant.misses).toBe(1)
      expect(asked.length).toBe(13)
    } finally {
      globalThis.fetch = fetch
    }
  })

  test('tenant tokens are renewed ahead at most maxConcurrent at once', async () => {
    const upstream = new Upstream()
    const { clock, tokens } = scene({ upstream, preheat: { maxConcurrent: 2 } })
    const tenants = Array.from({ length: 20 }, (_, i) => tokens.token(`api/tenant/t${i}`))
    await after(clock, 2 * second, Promise.all(tenants.map(tenant => tenant.get())))
    upstream.latencyMs = 5 * minute
    let most = 0
    for (let i = 0; i < 240; i++) {
      await clock.advance(30 * second)
      most = Math.max(most, tokens.gateUsage().running)
      expect(tokens.preheater.status().inFlight).toBeLessThanOrEqual(2)
    }
    expect(most).toBe(2)
  })

  test('a token that waits for its turn and that a caller renews meanwhile is not renewed a second time', async () => {
    const { clock, tokens, upstream } = scene({
      preheat: { maxConcurrent: 1 },
      manifest: ['api/app', 'api/tenant/acme'],
    })
    await clock.advance(second)
    const acme = tokens.token('api/tenant/acme')
    upstream.answer = async request => {
      // The one whose turn it is takes longest, so the other one waits behind it and is renewed by its caller.
      if (request.ref.kind === 'app') await sleep(request.clock, 20 * minute)
      return upstream.issue(request)
    }
    while (upstream.calls === 2) await clock.advance(second)
    expect(upstream.last.ref.kind).toBe('app')
    while (tokens.preheater.status().waiting === 0) await clock.advance(second)
    acme.peek()
    await clock.advance(30 * minute)
    expect(upstream.requests.filter(({ ref }) => ref.kind === 'tenant')).toHaveLength(2)
  })

  test('tenantTokens: false leaves tenants to their callers, but not those of the manifest', async () => {
    const { clock, tokens, upstream } = scene({ preheat: 'light', manifest: ['api/tenant/kept'] })
    const handles = ['api/tenant/left', 'api/user/zhang'] as const
    for (const ref of handles) await after(clock, 200, tokens.token(ref).get())
    await clock.advance(110 * minute)
    const renewed = upstream.requests.filter(({ trigger }) => trigger === 'preheat').map(({ ref }) => ref.canonical)
    expect(new Set(renewed)).toEqual(new Set(['api/tenant/kept', 'api/user/zhang']))
    expect(tokens.token('api/tenant/left').peek()).toBe('token-2-of-left')
  })

  test('a token that the provider returns unchanged is no refresh, and is asked for when a new one can be had', async () => {
    const { clock, tokens, upstream, records } = scene({
      preheat: { thresholdSeconds: 1800 },
      provider: { notBeforeSeconds: 600 },
      manifest: ['api/app'],
    })
    // The provider is more patient than it says.
    await clock.advance(200)
    const app = tokens.token('api/app')
    const { expiresAt, value } = await app.getDetails()
    upstream.answer = request => {
      const remaining = (expiresAt - request.clock.now()) / second
      return remaining > 400 ? { value, expiresInSeconds: remaining } : upstream.issue(request)
    }
    while (app.inspect().renewals === 0) await clock.advance(second)
    const unchanged = records.filter(record => record.unchanged)
    expect(unchanged.length).toBeGreaterThan(0)
    expect(unchanged.every(({ refresh, status }) => !refresh && status === 'success')).toBe(true)
    expect(tokens.metrics.snapshot().refreshes).toMatchObject({ successes: 1, failures: 0 })
    expect(tokens.preheater.status().unchanged).toBe(unchanged.length)
    expect(app.inspect().renewals).toBe(1)
    expect(upstream.calls).toBeLessThan(30)
  })

  test('after "unchanged" the next question comes at expiry less notBeforeSeconds plus a little', async () => {
    const { clock, tokens, upstream } = scene({ provider: { notBeforeSeconds: 1800 }, manifest: ['api/app'] })
    await clock.advance(200)
    const app = tokens.token('api/app')
    const { expiresAt, value } = await app.getDetails()
    upstream.answer = request => {
      const remaining = (expiresAt - request.clock.now()) / second
      return remaining > 1800 ? { value, expiresInSeconds: remaining } : upstream.issue(request)
    }
    await after(clock, 200, app.refresh())
    const { nextDueAt } = tokens.preheater.status()
    expect(nextDueAt!).toBeGreaterThanOrEqual(expiresAt - 1800 * second)
    expect(nextDueAt!).toBeLessThan(expiresAt - 1800 * second + 31 * second)
    await clock.advance(nextDueAt! - clock.now() + 200)
    expect(app.peek()).toBe('token-2-of-app')
    expect(upstream.calls).toBe(3)
  })

  test('start, stop and status', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, manifest: ['api/app'] })
    await clock.advance(200)
    expect(tokens.preheater.status()).toMatchObject({ running: false, options: preheatPresets.standard })
    await clock.advance(3 * hour)
    expect(upstream.calls).toBe(1)
    tokens.preheater.start({ thresholdSeconds: 300 })
    await clock.advance(second)
    expect(tokens.preheater.status()).toMatchObject({
      running: true,
      scheduled: 1,
      nextRef: 'api/app',
      options: { thresholdSeconds: 300, maxConcurrent: 3 },
    })
    expect(tokens.token('api/app').peek()).toBe('token-2-of-app')
    const { nextDueAt } = tokens.preheater.status()
    const { expiresAt, softExpiresAt } = tokens.token('api/app').inspect()
    expect(nextDueAt! - softExpiresAt!).toBeGreaterThanOrEqual(0)
    expect(nextDueAt! - softExpiresAt!).toBeLessThanOrEqual((expiresAt! - softExpiresAt!) / 8)
    await clock.advance(2 * hour)
    expect(tokens.preheater.status().renewed).toBe(2)
    tokens.preheater.stop()
    const { calls } = upstream
    await clock.advance(5 * hour)
    expect(upstream.calls).toBe(calls)
    tokens.preheater.start()
    await clock.advance(second)
    expect(tokens.token('api/app').inspect().state).toBe('fresh')
  })

  test('there are four presets, and nonsense is refused by name', async () => {
    expect(preheatPresets).toMatchObject({
      standard: { checkIntervalSeconds: 1800, thresholdSeconds: 900, tenantTokens: true, maxConcurrent: 3 },
      light: { checkIntervalSeconds: 3600, thresholdSeconds: 1800, tenantTokens: false, maxConcurrent: 1 },
      highFrequency: { checkIntervalSeconds: 600, thresholdSeconds: 300, maxConcurrent: 5 },
      critical: { checkIntervalSeconds: 120, thresholdSeconds: 300, maxConcurrent: 8 },
    })
    expect(() => scene({ preheat: 'hot' as never })).toThrow(/preset "hot".*standard, light/)
    expect(() => scene({ preheat: { maxConcurrent: 0 } })).toThrow(/maxConcurrent/)
    expect(() => scene({ preheat: { thresholdSeconds: Number.POSITIVE_INFINITY } })).toThrow(/thresholdSeconds/)
  })

  test('a failed token of the manifest is tried again without anybody asking, and ready() tells it', async () => {
    const upstream = new Upstream()
    upstream.failure = new Error('down')
    const { clock, tokens } = scene({ upstream, manifest: ['api/app', 'api/tenant/acme'] })
    expect(await tokens.ready({ timeoutSeconds: 0 })).toMatchObject({
      ready: false,
      pending: ['api/app', 'api/tenant/acme'],
    })
    const report = await after(clock, 5 * second, tokens.ready())
    expect(report).toMatchObject({ ready: true, warm: [], pending: [] })
    expect(report.failed.map(({ ref, code }) => `${ref} ${code}`)).toEqual([
      'api/app provider_error',
      'api/tenant/acme provider_error',
    ])
    upstream.failure = undefined
    await clock.advance(minute)
    expect(await tokens.ready()).toMatchObject({ ready: true, warm: ['api/app', 'api/tenant/acme'], failed: [] })
  })

  test('ready() waits no longer than it is told to', async () => {
    const upstream = new Upstream()
    upstream.latencyMs = hour
    const { clock, tokens } = scene({ upstream, manifest: ['api/app'], gate: { acquisitionTimeoutSeconds: 7200 } })
    expect(await after(clock, 30 * second, tokens.ready())).toMatchObject({ ready: false, pending: ['api/app'] })
    const reason = new Error('enough')
    expect(await failureOfCall(tokens.ready({ signal: AbortSignal.abort(reason) }))).toBe(reason)
  })
})

describe('at the gate', () => {
  test('callers who wait pass preheats, and one who joins a queued preheat hurries it', async () => {
    const gate = { maxConcurrentOther: 1, maxConcurrentPerProvider: 1 }
    const { clock, tokens, upstream } = scene({ gate, preheat: false })
    const [a, b, c] = ['a', 'b', 'c'].map(name => tokens.token(`api/tenant/${name}`))
    await after(clock, 300, Promise.all([a!.get(), b!.get()]))
    await clock.advance(6600 * second)
    upstream.requests.length = 0
    upstream.latencyMs = 10 * second
    const blocker = tokens.token('api/tenant/x').get()
    // Two renewals behind, at the end of the queue; then a caller who waits, and one who joins a renewal.
    await a!.get()
    await b!.get()
    await clock.advance(10)
    const waiting = c!.get()
    await clock.advance(10)
    const hurried = b!.refresh()
    await after(clock, 60 * second, Promise.all([blocker, waiting, hurried]))
    expect(upstream.requests.map(({ ref }) => ref.subject)).toEqual(['x', 'c', 'b', 'a', 'b'])
  })
})
