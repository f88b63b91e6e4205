import { type HotwellError, isHotwellError, providerFailure } from 'hotwell'
import { describe, expect, test } from 'vitest'
import { after, apiOf, failureOfCall, scene } from './scene.ts'

const second = 1000
const minute = 60 * second
const wrongSecret = () => providerFailure({ code: 'credentials_rejected', message: 'wrong secret' })
const unknownTenant = () => providerFailure({ disposition: 'terminal', scope: 'ref', message: 'no such tenant' })

describe('retryable failures', () => {
  test('are tried again within the acquisition, so that nobody hears of a short one', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    upstream.failure = new Error('hiccup')
    const value = tokens.token('api/app').get()
    await clock.advance(150)
    upstream.failure = undefined
    expect(await after(clock, 2 * second, value)).toBe('token-1-of-app')
    expect(records).toMatchObject([{ status: 'success', attempts: 2 }])
  })

  test('back off while the old token is served to its real end, then are a typed error', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    upstream.lifeSeconds = 600
    const app = tokens.token('api/app')
    const value = await after(clock, 100, app.get())
    upstream.failure = new Error('down')
    const end = (await app.getDetails()).expiresAt
    let calls = 0
    while (clock.now() < end - second) {
      await clock.advance(second)
      if (clock.now() < end) expect(await app.get()).toBe(value)
    }
    calls = upstream.calls
    expect(calls).toBeGreaterThan(6)
    // 150 s of margin, pauses growing to 60 s, at most three questions each.
    expect(calls).toBeLessThan(40)
    const starts = records.filter(({ status }) => status === 'failed').map(({ createdAt }) => createdAt)
    const pauses = starts.slice(1).map((at, i) => at - starts[i]!)
    expect(Math.max(...pauses)).toBeGreaterThan(4 * pauses[0]!)
    await clock.advance(2 * second)
    const error = await failureOfCall(after(clock, 10 * second, app.get()))
    expect(isHotwellError(error, 'provider_error')).toBe(true)
    expect(error.retryAfterMs).toBeGreaterThan(0)
    expect(app.peek()).toBeUndefined()
    expect(app.inspect().state).toBe('failed')
  })

  test('during a pause everybody hears at once how long it still lasts; an explicit refresh passes', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = providerFailure({ message: 'busy', retryAfterMs: 20 * second })
    const app = tokens.token('api/app')
    await after(clock, 10 * second, app.get()).catch(() => {})
    const { calls } = upstream
    await clock.advance(5 * second)
    const error = (await failureOfCall(app.get())) as unknown as HotwellError
    expect(error.retryAfterMs).toBeLessThanOrEqual(10 * second)
    expect(error.retryAfterMs).toBeGreaterThan(0)
    expect(upstream.calls).toBe(calls)
    upstream.failure = undefined
    expect((await after(clock, 100, app.refresh())).value).toBe('token-1-of-app')
    expect(await app.get()).toBe('token-1-of-app')
  })
})

describe('terminal failures', () => {
  test('are asked once and remembered for 60 s, never for ever', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = unknownTenant()
    const acme = tokens.token('api/tenant/acme')
    await after(clock, second, failureOfCall(acme.get()))
    expect(upstream.calls).toBe(1)
    await clock.advance(58 * second)
    await failureOfCall(acme.get())
    expect(upstream.calls).toBe(1)
    upstream.failure = undefined
    await clock.advance(2 * second)
    expect(await after(clock, 100, acme.get())).toBe('token-1-of-acme')
  })

  test('are forgotten with a changed secret, also by a token that is served meanwhile', async () => {
    for (const failure of [unknownTenant(), wrongSecret()]) {
      const { clock, tokens, upstream } = scene({ preheat: false, provider: { credentialVersion: '1' } })
      const acme = tokens.token('api/tenant/acme')
      const value = await after(clock, 100, acme.get())
      await clock.advance(6600 * second)
      upstream.failure = failure
      expect([await acme.get(), await after(clock, 200, acme.get()), await acme.get()]).toEqual(Array(3).fill(value))
      upstream.failure = undefined
      tokens.reconfigure({ providers: { api: apiOf(upstream, { credentialVersion: '2' }) }, preheat: false })
      expect(await acme.get()).toBe(value)
      await clock.advance(200)
      expect(await acme.get()).toBe('token-2-of-acme')
    }
  })

  test('of one tenant leave the others alone', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.answer = request => {
      if (request.ref.subject === 'bad') throw unknownTenant()
      return upstream.issue(request)
    }
    await after(clock, second, failureOfCall(tokens.token('api/tenant/bad').get()))
    expect(await after(clock, 100, tokens.token('api/tenant/good').get())).toBe('token-1-of-good')
    expect(tokens.health().breakers).toEqual({})
  })
})

describe('a provider that refuses everybody', () => {
  test('is asked by one probe after 30 s, growing to 10 min, not once per tenant', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = wrongSecret()
    const tenants = Array.from({ length: 200 }, (_, i) => tokens.token(`api/tenant/t${i}`))
    await after(clock, second, Promise.allSettled(tenants.map(tenant => tenant.get())))
    // As many as the gate lets run at once; whoever waited for a slot finds the breaker open.
    expect(upstream.calls).toBeLessThanOrEqual(16)
    expect(tokens.health().breakers).toMatchObject({ api: { open: true, code: 'credentials_rejected' } })
    const before = upstream.calls
    for (let i = 0; i < 3 * 3600; i += 5) {
      for (const tenant of tenants.slice(0, 5)) tenant.get().catch(() => {})
      await clock.advance(5 * second)
    }
    const probes = upstream.askedAt.slice(before)
    const pauses = probes.slice(1).map((at, i) => Math.round((at - probes[i]!) / second))
    expect(probes[0]! - upstream.askedAt[0]!).toBeGreaterThanOrEqual(30 * second)
    expect(pauses.slice(0, 4).map(pause => Math.round(pause / 60))).toEqual([1, 2, 4, 8])
    for (const pause of pauses.slice(4)) expect(pause).toBeGreaterThanOrEqual(600)
    for (const pause of pauses) expect(pause).toBeLessThan(620)
  })

  test('works again for every tenant with the first success', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = wrongSecret()
    const [first, second_] = [tokens.token('api/tenant/first'), tokens.token('api/tenant/second')]
    await after(clock, 100, Promise.allSettled([first.get(), second_.get()]))
    for (let i = 0; i < 40; i++) await after(clock, 30 * second, first.get()).catch(() => {})
    await failureOfCall(second_.get())
    upstream.failure = undefined
    const events: string[] = []
    tokens.on('breaker.closed', ({ provider }) => events.push(provider))
    expect((await after(clock, 100, first.refresh())).value).toBe('token-1-of-first')
    expect(events).toEqual(['api'])
    expect(tokens.health().breakers).toEqual({})
    await clock.advance(minute)
    expect(await after(clock, 100, second_.get())).toBe('token-2-of-second')
  })

  test('is told as one failure, also when its words look as if a secret stood in them', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    upstream.failure = providerFailure({ code: 'credentials_rejected', message: 'Refused, password: expired' })
    const first = await failureOfCall(after(clock, 100, tokens.token('api/tenant/first').get()))
    const other = await failureOfCall(after(clock, 100, tokens.token('api/tenant/other').get()))
    expect([first.message, other.message]).toEqual(Array(2).fill('Refused, password: [redacted]'))
    expect(records.length).toBe(1)
  })

  test('a probe whose own needed token has to be acquired first does not stand in its own way', async () => {
    const provider = { dependsOn: ({ kind }: { kind: string }) => (kind === 'tenant' ? 'api/app' : undefined) }
    const { clock, tokens, upstream } = scene({ preheat: false, provider })
    upstream.failure = wrongSecret()
    const acme = tokens.token('api/tenant/acme')
    await after(clock, second, failureOfCall(acme.get()))
    upstream.failure = undefined
    await clock.advance(2 * minute)
    expect(await after(clock, second, acme.get())).toBe('token-2-of-acme')
  })

  test('a probe that finds what another process has stored leaves room for the next one', async () => {
    const one = scene({ preheat: false })
    const { clock, store, upstream } = one
    const two = scene({ preheat: false, clock, store, upstream, node: 'two' })
    const acme = one.tokens.token('api/tenant/acme')
    upstream.failure = wrongSecret()
    await after(clock, second, failureOfCall(acme.get()))
    await clock.advance(2 * minute)
    upstream.failure = undefined
    await after(clock, second, two.tokens.token('api/tenant/acme').get())
    expect(await after(clock, second, acme.get())).toBe('token-1-of-acme')
    expect(await after(clock, minute, one.tokens.token('api/tenant/globex').get())).toBe('token-2-of-globex')
  })

  test('a changed secret clears what is remembered, and a late failure of the former one changes nothing', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, provider: { credentialVersion: 'a' } })
    upstream.failure = wrongSecret()
    upstream.latencyMs = 1000
    const acme = tokens.token('api/tenant/acme')
    const slow = tokens
      .token('api/tenant/slow')
      .get()
      .catch(error => error)
    await clock.advance(500)
    await after(clock, 1200, failureOfCall(acme.get()))
    const late = tokens
      .token('api/tenant/late')
      .get()
      .catch(error => error)
    await late
    expect(tokens.health().breakers).toHaveProperty('api')
    await slow
    await clock.advance(31 * second)
    const probe = acme.get().catch(error => error)
    await clock.advance(100)
    const working = { ...apiOf(upstream, { credentialVersion: 'b' }) }
    working.acquire = async request => upstream.issue(request)
    tokens.reconfigure({ providers: { api: working }, preheat: false })
    expect(tokens.health().breakers).toEqual({})
    await clock.advance(2 * second)
    expect(isHotwellError(await probe, 'credentials_rejected')).toBe(true)
    expect(tokens.health().breakers).toEqual({})
    expect(await after(clock, 10, acme.get())).toBe('token-1-of-acme')
  })

  test('a new provider object without a credentialVersion is taken for a changed one', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = wrongSecret()
    const acme = tokens.token('api/tenant/acme')
    await after(clock, second, failureOfCall(acme.get()))
    tokens.reconfigure({ providers: { api: apiOf(upstream) }, preheat: false })
    expect(tokens.health().breakers).toEqual({})
  })

  test('an unreachable or ailing provider does not close the breaker', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = wrongSecret()
    const acme = tokens.token('api/tenant/acme')
    await after(clock, second, failureOfCall(acme.get()))
    upstream.failure = providerFailure({ message: 'HTTP 503' })
    await clock.advance(2 * minute)
    await after(clock, 10 * second, failureOfCall(acme.get()))
    expect(tokens.health().breakers).toHaveProperty('api')
    // That was a probe which told nothing; the next one may.
    upstream.failure = undefined
    await clock.advance(2 * minute)
    expect(await after(clock, 100, acme.get())).toBe('token-1-of-acme')
    expect(tokens.health().breakers).toEqual({})
  })

  test("a failed token of another provider does not open this one's breaker", async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const bad = apiOf(upstream)
    bad.acquire = async () => {
      throw wrongSecret()
    }
    const dependsOn = () => 'bad/app'
    tokens.reconfigure({ providers: { api: apiOf(upstream, { dependsOn }), bad }, preheat: false })
    await after(clock, second, failureOfCall(tokens.token('api/tenant/acme').get()))
    expect(Object.keys(tokens.health().breakers)).toEqual(['bad'])
  })
})

describe('429 and Retry-After', () => {
  test('hold the gate of the whole provider for as long as it asks', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = providerFailure({ code: 'rate_limited', message: 'slow down', retryAfterMs: 20 * second })
    await after(clock, 150, failureOfCall(tokens.token('api/tenant/acme').get()))
    upstream.failure = undefined
    const started = clock.now()
    const others = ['b', 'c', 'd'].map(name => tokens.token(`api/tenant/${name}`).get())
    await clock.advance(15 * second)
    expect(upstream.calls).toBe(1)
    expect(tokens.gateUsage().providers.api?.heldUntil).toBeDefined()
    await after(clock, 30 * second, Promise.all(others))
    for (const at of upstream.askedAt.slice(1)) expect(at - started).toBeGreaterThanOrEqual(19.8 * second)
  })
})
