import { isHotwellError, providerFailure } from 'hotwell'
import { describe, expect, test } from 'vitest'
import { after, now, scene } from './scene.ts'

const second = 1000

describe('one flight', () => {
  test('a thousand callers, one request upstream', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const callers = Array.from({ length: 1000 }, (_, i) => (i % 2 ? acme.get() : acme.getDetails().then(d => d.value)))
    const values = await after(clock, 100, Promise.all(callers))
    expect(new Set(values)).toEqual(new Set(['token-1-of-acme']))
    expect(upstream.calls).toBe(1)
  })

  test('a forced refresh is satisfied only by a flight that started after it', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const early = acme.get()
    await clock.advance(50)
    const forced = acme.refresh()
    await clock.advance(50)
    expect(await early).toBe('token-1-of-acme')
    expect(await now(forced)).toBe('pending')
    expect((await after(clock, 100, forced)).value).toBe('token-2-of-acme')
    expect(upstream.calls).toBe(2)
  })

  test('all who force a refresh while one flight runs share the queued one', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const early = acme.refresh()
    await clock.advance(10)
    const forced = Array.from({ length: 100 }, () => acme.refresh())
    await clock.advance(200)
    expect((await early).value).toBe('token-1-of-acme')
    for (const { value } of await Promise.all(forced)) expect(value).toBe('token-2-of-acme')
    expect(upstream.calls).toBe(2)
  })

  test('a queued refresh still runs when the flight before it failed', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.failure = providerFailure({ disposition: 'terminal', message: 'no' })
    const acme = tokens.token('api/tenant/acme')
    const early = acme.get().catch(error => error)
    await clock.advance(10)
    const forced = acme.refresh()
    forced.catch(() => {})
    await clock.advance(100)
    upstream.failure = undefined
    await clock.advance(200)
    expect(isHotwellError(await early, 'provider_error')).toBe(true)
    expect((await forced).value).toBe('token-1-of-acme')
  })

  test("a caller's abort ends that caller's wait and nobody else's", async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const impatient = new AbortController()
    const left = acme.get({ signal: impatient.signal })
    const stays = acme.get()
    await clock.advance(50)
    const reason = new Error('I am leaving')
    impatient.abort(reason)
    await expect(left).rejects.toBe(reason)
    expect(await after(clock, 50, stays)).toBe('token-1-of-acme')
    expect(upstream.calls).toBe(1)
    expect(upstream.last.signal.aborted).toBe(false)
  })

  test('a caller who has left already asks nobody', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const reason = new Error('gone')
    await expect(tokens.token('api/tenant/acme').get({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await clock.advance(second)
    expect(upstream.calls).toBe(0)
  })

  test('an aborted refresh leaves the flight to the others', async () => {
    const { clock, tokens } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const left = acme.refresh({ signal: AbortSignal.abort('gone') })
    const stays = acme.get()
    await expect(left).rejects.toBe('gone')
    expect(await after(clock, 100, stays)).toBe('token-1-of-acme')
  })
})

describe('refs', () => {
  test('refs that differ in scope, audience or resource are different tokens', async () => {
    const provider = { parameters: ['scope', 'audience', 'resource'] as const, scopes: ['read', 'write'] }
    const { clock, tokens, upstream } = scene({ preheat: false, provider })
    const refs = ['', '?scope=read', '?scope=write', '?audience=a', '?resource=a'].map(
      query => `api/user/zhang${query}` as const,
    )
    const values = await after(clock, 100, Promise.all(refs.map(ref => tokens.token(ref).get())))
    expect(new Set(values).size).toBe(refs.length)
    expect(upstream.requests.map(({ ref }) => ref.canonical).sort()).toEqual([...refs].sort())
  })

  test('however a ref is written, its handle is the same one', () => {
    const provider = { parameters: ['scope'] as const, scopes: ['read', 'write'] }
    const { tokens } = scene({ preheat: false, provider })
    const handle = tokens.token('api/user/zhang?scope=read+write')
    expect(tokens.token('api/user/zhang?scope=write%20read%20read')).toBe(handle)
    const parts = { provider: 'api', kind: 'user', subject: 'zhang', scope: ['write', 'read'] } as const
    expect(tokens.token(parts)).toBe(handle)
    expect(tokens.token('api/user/zhang')).not.toBe(handle)
  })
})

describe('minTtlSeconds', () => {
  test('causes at most one acquisition per call, and what that brings is returned', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    upstream.lifeSeconds = 100
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    await clock.advance(10 * second)
    expect(await after(clock, 100, acme.get({ minTtlSeconds: 95 }))).toBe('token-2-of-acme')
    await clock.advance(10 * second)
    expect(await after(clock, 100, acme.get({ minTtlSeconds: 1000 }))).toBe('token-3-of-acme')
    expect(upstream.calls).toBe(3)
  })

  test('causes at most one in five seconds, or in a twentieth of the life', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    for (let i = 0; i < 100; i++) await after(clock, 100, acme.get({ minTtlSeconds: 10_000 }))
    expect(upstream.calls).toBe(2)
    await clock.advance(7200 * 50)
    await after(clock, 100, acme.get({ minTtlSeconds: 10_000 }))
    expect(upstream.calls).toBe(3)
  })

  test('is content with a token that lives long enough, and with one that came back unchanged', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const value = await after(clock, 100, acme.get())
    expect(await acme.get({ minTtlSeconds: 7000 })).toBe(value)
    expect(upstream.calls).toBe(1)
    const end = (await acme.getDetails()).expiresAt
    upstream.answer = ({ clock }) => ({ value, expiresInSeconds: (end - clock.now()) / 1000 })
    await clock.advance(600 * second)
    expect(await after(clock, 100, acme.get({ minTtlSeconds: 7000 }))).toBe(value)
    expect(upstream.calls).toBe(2)
  })

  test('never keeps the living token from a caller when the renewal fails', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const value = await after(clock, 100, acme.get())
    upstream.failure = new Error('down')
    expect(await after(clock, 10 * second, acme.get({ minTtlSeconds: 10_000 }))).toBe(value)
  })
})

describe('the fast path and its counters', () => {
  test('get() of a token that is there returns the very same promise, without asking anybody', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const value = await after(clock, 100, acme.get())
    expect(acme.get()).toBe(acme.get())
    expect(acme.getDetails()).toBe(acme.getDetails())
    expect(acme.peek()).toBe(value)
    expect(await acme.getDetails()).toMatchObject({
      value,
      ref: 'api/tenant/acme',
      from: 'provider',
      tokenType: 'Bearer',
    })
    expect(upstream.calls).toBe(1)
  })

  test('every lookup is one hit or one miss of its kind, every flight one write lock', async () => {
    const { clock, tokens } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const app = tokens.token('api/app')
    expect(app.peek()).toBeUndefined()
    await after(clock, 100, Promise.all([acme.get(), acme.get(), acme.getDetails(), app.get()]))
    for (let i = 0; i < 10; i++) {
      acme.get()
      acme.getDetails()
      acme.peek()
    }
    await acme.get({ minTtlSeconds: 1 })
    await after(clock, 100, acme.refresh())
    const { tenant, app: apps, readLocks, writeLocks, refreshes } = tokens.metrics.snapshot()
    expect(tenant).toMatchObject({ hits: 31, misses: 3 })
    expect(apps).toMatchObject({ hits: 0, misses: 2 })
    expect(readLocks).toBe(31)
    expect(writeLocks).toBe(3)
    expect(refreshes).toMatchObject({ successes: 1, failures: 0 })
  })

  test('with logHits every hit is logged and still counted; without it none is', async () => {
    for (const logHits of [true, false]) {
      const lines: string[] = []
      const ignore = () => {}
      const logger = {
        debug: (_: object, text?: string) => lines.push(String(text)),
        info: ignore,
        warn: ignore,
        error: ignore,
      }
      const { clock, tokens } = scene({ preheat: false, logHits, logger })
      const acme = tokens.token('api/tenant/acme')
      await after(clock, 100, acme.get())
      await acme.get()
      acme.peek()
      await acme.getDetails()
      expect(lines.filter(line => line.includes('Served')).length).toBe(logHits ? 3 : 0)
      expect(tokens.metrics.snapshot().tenant.hits).toBe(3)
    }
  })

  test('monitoring can be switched off', async () => {
    const { clock, tokens } = scene({ preheat: false, monitoring: false })
    await after(clock, 100, tokens.token('api/app').get())
    await tokens.token('api/app').get()
    expect(tokens.statistics).toBeUndefined()
    expect(tokens.metrics.snapshot()).toMatchObject({ readLocks: 0, writeLocks: 0 })
  })
})
