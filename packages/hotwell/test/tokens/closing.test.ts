import { createTokenManager, providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { memory } from 'hotwell/stores/memory'
import { FakeClock, settled } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { OuterStore } from './outer-store.ts'
import { after, apiOf, closeSoon, failureOfCall, now, scene, Upstream } from './scene.ts'

const second = 1000

describe('closing', () => {
  test('first lets running flights end, then flushes the history, then closes the store', async () => {
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const steps: string[] = []
    const history = {
      record: () => void steps.push('record'),
      flush: async () => {},
      close: async () => void steps.push('history'),
    }
    const { tokens, upstream } = scene({ clock, store, history })
    tokens.on('manager.closed', () => steps.push('closed'))
    upstream.latencyMs = 5 * second
    const running = tokens.token('api/app').get()
    await clock.advance(10)
    const closing = tokens.close().then(() => steps.push('resolved'))
    expect(tokens.preheater.status().running).toBe(false)
    expect(await now(closing)).toBe('pending')
    expect(await after(clock, 5 * second, running)).toBe('token-1-of-app')
    await closing
    expect(steps).toEqual(['record', 'history', 'closed', 'resolved'])
    expect(store.done.filter(step => step !== 'extend')).toEqual(['claim', 'commit', 'close'])
  })

  test('twice is safe, and the second waits for the same end', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    upstream.latencyMs = 3 * second
    await clock.advance(10)
    const both = [tokens.close(), tokens.close(), tokens[Symbol.asyncDispose]()]
    expect(await now(Promise.resolve(both[1]))).toBe('pending')
    await after(clock, 3 * second, Promise.all(both))
  })

  test('while starting asks for no more tokens of the manifest', async () => {
    const manifest = Array.from({ length: 100 }, (_, i) => `api/tenant/t${i}` as const)
    const { clock, tokens, upstream } = scene({ manifest })
    await settled()
    await closeSoon(tokens, clock)
    const { calls } = upstream
    expect(calls).toBeLessThanOrEqual(16)
    await clock.advance(60 * second)
    expect(upstream.calls).toBe(calls)
    expect(tokens.gateUsage().running).toBe(0)
  })

  test('starts no refresh that was queued behind a running flight', async () => {
    const { clock, tokens, upstream } = scene({})
    upstream.latencyMs = 5 * second
    const app = tokens.token('api/app')
    const running = app.get()
    await clock.advance(10)
    const queued = failureOfCall(app.refresh())
    const closing = tokens.close()
    expect(await after(clock, 5 * second, running)).toBe('token-1-of-app')
    expect(await queued).toMatchObject({ code: 'closed' })
    await closing
    expect(upstream.calls).toBe(1)
  })

  test('refuses new acquisitions, and still serves what it has until its end', async () => {
    const { clock, tokens, upstream } = scene({})
    const app = tokens.token('api/app')
    const value = await after(clock, 100, app.get())
    await closeSoon(tokens, clock)
    expect(await app.get()).toBe(value)
    expect(await app.get({ minTtlSeconds: 100_000 })).toBe(value)
    expect(await failureOfCall(tokens.token('api/tenant/acme').get())).toMatchObject({ code: 'closed' })
    expect(await failureOfCall(app.refresh())).toMatchObject({ code: 'closed' })
    clock.freeze(7200 * second)
    expect(app.peek()).toBeUndefined()
    expect(await failureOfCall(app.get())).toMatchObject({ code: 'closed' })
    expect(upstream.calls).toBe(1)
    expect(() => tokens.preheater.start()).toThrow(expect.objectContaining({ code: 'closed' }))
    expect(() => tokens.reconfigure({ providers: {} })).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  test('serves nothing dead afterwards, although its coarse clock stands still', async () => {
    const provider = custom({ kinds: ['app'], acquire: async () => ({ value: 'short', expiresInSeconds: 0.4 }) })
    const tokens = createTokenManager({ providers: { api: provider }, preheat: false })
    const app = tokens.token('api/app')
    expect(await app.get()).toBe('short')
    await tokens.close()
    await new Promise(resolve => setTimeout(resolve, 450))
    expect(app.peek()).toBeUndefined()
  })

  test('aborts what has not ended after 10 s, and gives the claim back', async () => {
    const { clock, store, tokens, upstream } = scene({})
    upstream.latencyMs = 60 * second
    const running = failureOfCall(tokens.token('api/app').get())
    await clock.advance(10)
    const closing = tokens.close()
    await clock.advance(9 * second)
    expect(upstream.last.signal.aborted).toBe(false)
    await clock.advance(1100)
    expect(upstream.last.signal.aborted).toBe(true)
    expect(await running).toMatchObject({ code: 'closed' })
    await closing
    upstream.latencyMs = 10
    const next = scene({ clock, store, upstream, node: 'two' })
    expect(await after(clock, 20, next.tokens.token('api/app').get())).toBe('token-1-of-app')
  })

  test('never gives back the claim of a provider that goes on regardless: others wait until it lapses', async () => {
    const { clock, store, tokens, upstream } = scene({})
    const provider = apiOf(upstream)
    tokens.reconfigure({ providers: { api: { ...provider, acquire: () => new Promise(() => {}) } } })
    const running = failureOfCall(tokens.token('api/app').get())
    await clock.advance(10)
    await closeSoon(tokens, clock)
    expect(await running).toMatchObject({ code: 'closed' })
    const next = scene({ clock, store, upstream, node: 'two' })
    const value = next.tokens.token('api/app').get()
    await clock.advance(100)
    expect(upstream.calls).toBe(0)
    expect(await after(clock, 6 * second, value)).toBe('token-1-of-app')
  })

  test('a history that cannot be flushed does not keep the store open', async () => {
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const history = { record() {}, flush: async () => {}, close: () => Promise.reject(new Error('disk full')) }
    const provider = custom({ kinds: ['app'], acquire: async () => ({ value: 'v', expiresInSeconds: 60 }) })
    const tokens = createTokenManager({ providers: { api: provider }, clock, store, history })
    await expect(tokens.close()).rejects.toThrow('disk full')
    expect(store.done).toEqual(['close'])
  })

  test('leaves no timer behind that would start another', async () => {
    const { clock, tokens } = scene({ manifest: ['api/app'] })
    await after(clock, 200, tokens.token('api/tenant/acme').get())
    await tokens.close()
    await clock.advance(400 * second)
    expect(clock.pending).toBe(0)
  })
})

describe('reconfigure', () => {
  test('a flight ends with the provider it began with; the next one is made by the new one', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const app = tokens.token('api/app')
    const first = app.get()
    await clock.advance(50)
    const next = custom({ kinds: ['app'], acquire: async () => ({ value: 'from the new one', expiresInSeconds: 60 }) })
    tokens.reconfigure({ providers: { api: next }, preheat: false })
    expect(await after(clock, 100, first)).toBe('token-1-of-app')
    expect((await after(clock, 100, app.refresh())).value).toBe('from the new one')
    expect(upstream.calls).toBe(1)
  })

  test('a flight of another identity ends for those who wait, and nobody else gets its token', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, provider: { identity: 'a' } })
    const app = tokens.token('api/app')
    const first = app.get()
    await clock.advance(50)
    tokens.reconfigure({ providers: { api: apiOf(upstream, { identity: 'b' }) }, preheat: false })
    expect(await after(clock, 100, first)).toBe('token-1-of-app')
    expect(app.peek()).toBeUndefined()
    expect(await after(clock, 200, app.get())).toBe('token-2-of-app')
  })

  test('who asks after a change of identity does not get the token of a flight that began before', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, provider: { identity: 'a' } })
    const app = tokens.token('api/app')
    const first = app.get()
    await clock.advance(50)
    tokens.reconfigure({ providers: { api: apiOf(upstream, { identity: 'b' }) }, preheat: false })
    const callers = Promise.all([app.get(), app.get(), app.getDetails().then(({ value }) => value)])
    expect(await after(clock, 300, callers)).toEqual(Array(3).fill('token-2-of-app'))
    expect(await first).toBe('token-1-of-app')
    expect(upstream.calls).toBe(2)
  })

  test('an explicit refresh beside them is one all the same', async () => {
    const { clock, tokens, upstream, provider } = scene({ preheat: false, provider: { identity: 'a' } })
    const app = tokens.token('api/app')
    await after(clock, 200, app.get())
    tokens.reconfigure({ providers: { api: apiOf(upstream, { identity: 'b' }) }, preheat: false })
    const other = app.get()
    await clock.advance(50)
    tokens.reconfigure({ providers: { api: provider }, preheat: false })
    const [former, refreshed] = [app.get(), app.refresh()]
    expect((await after(clock, 300, refreshed)).value).toBe('token-3-of-app')
    expect([await other, await former]).toEqual(['token-2-of-app', 'token-3-of-app'])
  })

  test('while a renewal runs that then fails does not keep a token of the manifest from being renewed', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    await clock.advance(200)
    upstream.latencyMs = 60 * second
    upstream.failure = providerFailure({ code: 'credentials_rejected', message: 'The secret was changed.' })
    while (upstream.calls < 2) await clock.advance(10 * second)
    tokens.reconfigure({ providers: { api: apiOf(new Upstream()) }, manifest: ['api/app'] })
    await clock.advance(120 * second)
    expect(tokens.token('api/app').state).toBe('fresh')
  })

  test('the handle of a removed provider rejects, and works again when it is back', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    const app = tokens.token('api/app')
    const value = await after(clock, 200, app.get())
    tokens.reconfigure({ providers: {} })
    expect(app.peek()).toBeUndefined()
    expect(await failureOfCall(app.get())).toMatchObject({ code: 'unknown_provider' })
    expect(await failureOfCall(app.refresh())).toMatchObject({ code: 'unknown_provider' })
    expect(() => tokens.token('api/app')).toThrow(expect.objectContaining({ code: 'unknown_provider' }))
    expect(tokens.list()).toEqual([])
    await clock.advance(3 * 3600 * second)
    expect(upstream.calls).toBe(1)
    tokens.reconfigure({ providers: { api: apiOf(upstream) } })
    expect(tokens.token('api/app')).toBe(app)
    expect(await after(clock, 200, app.get())).not.toBe(value)
  })

  test('the manifest changes: new refs are warmed, those that are left out may go cold', async () => {
    const { clock, tokens, upstream } = scene({ manifest: ['api/app'] })
    await clock.advance(200)
    tokens.reconfigure({ providers: { api: apiOf(upstream) }, manifest: ['api/tenant/acme'] })
    expect(await after(clock, 200, tokens.ready())).toMatchObject({ ready: true, warm: ['api/tenant/acme'] })
    await clock.advance(12 * 3600 * second)
    expect(tokens.token('api/app').inspect().state).toBe('expired')
    expect(tokens.token('api/tenant/acme').inspect().state).not.toBe('expired')
  })

  test('a tenant that joins the manifest while warm is kept warm, also without tenantTokens', async () => {
    const { clock, tokens, upstream } = scene({ preheat: 'light' })
    await after(clock, 200, tokens.token('api/tenant/acme').get())
    const providers = { api: apiOf(upstream) }
    tokens.reconfigure({
      providers,
      preheat: { tenantTokens: false, checkIntervalSeconds: 100_000 },
      manifest: ['api/tenant/acme'],
    })
    await clock.advance(4 * 3600 * second)
    expect(tokens.metrics.snapshot().tenant.misses).toBe(1)
    expect(tokens.token('api/tenant/acme').inspect().state).not.toBe('expired')
  })

  test('a bad configuration changes nothing', async () => {
    const { clock, tokens, upstream } = scene({ preheat: 'critical', gate: { maxConcurrentOther: 5 } })
    const value = await after(clock, 200, tokens.token('api/app').get())
    const providers = { api: apiOf(upstream, { identity: 'other' }) }
    const bad = [
      { providers: { 'Bad Name': providers.api } },
      { providers: { api: {} as never } },
      { providers, gate: { maxConcurrentOther: 0 } },
      { providers, gate: { nonsense: 1 } as never },
      { providers, preheat: 'hot' as never },
      { providers, manifest: ['api/client'] },
      { providers, manifest: ['nobody/app'] },
    ]
    for (const changed of bad as Parameters<typeof tokens.reconfigure>[0][])
      expect(() => tokens.reconfigure(changed), JSON.stringify(changed)).toThrow()
    expect(tokens.token('api/app').peek()).toBe(value)
    expect(tokens.preheater.status()).toMatchObject({ running: true, options: { maxConcurrent: 8 } })
    expect(await tokens.ready()).toMatchObject({ warm: [], failed: [] })
  })

  test('limits that are left out go back to their defaults', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, gate: { maxConcurrentOther: 1 } })
    tokens.reconfigure({ providers: { api: apiOf(upstream) }, preheat: false })
    const all = ['a', 'b', 'c'].map(name => tokens.token(`api/tenant/${name}`).get())
    await clock.advance(50)
    expect(tokens.gateUsage().running).toBe(3)
    await after(clock, 100, Promise.all(all))
  })

  test('a fetch that somebody keeps follows the configuration', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, provider: { baseUrls: ['https://old.example.com'] } })
    const { fetch } = tokens.token('api/app')
    const before = await after(clock, 200, failureOfCall(fetch('https://new.example.com/x')))
    expect(before.message).toContain('old.example.com')
    const providers = { api: apiOf(upstream, { baseUrls: ['https://new.example.com'] }) }
    tokens.reconfigure({ providers, preheat: false })
    const error = await after(clock, 200, failureOfCall(fetch('https://old.example.com/x')))
    expect(error).toMatchObject({ code: 'invalid_request' })
    expect(error.message).toContain('new.example.com')
  })
})
