import { describe, expect, test } from 'vitest'
import { after, failureOfCall, scene, Upstream } from './scene.ts'

/** Tenant tokens are acquired with the app's. */
const withApp = { dependsOn: ({ kind }: { kind: string }) => (kind === 'tenant' ? 'api/app' : undefined) }

describe('a token that needs another one', () => {
  test('three tenants and their app pass a gate for one, without waiting for each other for ever', async () => {
    const gate = { maxConcurrentOther: 1, maxConcurrentPerProvider: 1 }
    const { clock, tokens, upstream } = scene({ preheat: false, provider: withApp, gate })
    const tenants = ['acme', 'globex', 'initech'].map(name => tokens.token(`api/tenant/${name}`).get())
    await after(clock, 1000, Promise.all(tenants))
    expect(upstream.requests.map(({ ref }) => ref.kind)).toEqual(['app', 'tenant', 'tenant', 'tenant'])
    expect(upstream.last.dependency).toMatchObject({ ref: { canonical: 'api/app' }, value: 'token-1-of-app' })
    expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0 })
  })

  test('nobody holds a slot of the gate while the other token is acquired', async () => {
    const { clock, tokens } = scene({ preheat: false, provider: withApp })
    const acme = tokens.token('api/tenant/acme').get()
    await clock.advance(50)
    expect(tokens.gateUsage().running).toBe(1)
    await after(clock, 200, acme)
  })

  test('tokens that need each other in a circle are an error, not a wait without end', async () => {
    const dependsOn = ({ kind }: { kind: string }) => (kind === 'app' ? 'api/user/a' : 'api/app')
    const { clock, tokens } = scene({ preheat: false, provider: { dependsOn } })
    const error = await after(clock, 1000, failureOfCall(tokens.token('api/app').get()))
    expect(error).toMatchObject({ code: 'invalid_configuration' })
    expect(error.message).toMatch(/depends on/)
  })

  test('a needed token that cannot be named or acquired fails the one that needs it', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, provider: { dependsOn: () => 'nobody/app' } })
    const error = await after(clock, 1000, failureOfCall(tokens.token('api/tenant/acme').get()))
    expect(error).toMatchObject({ code: 'unknown_provider' })
    expect(upstream.calls).toBe(0)
  })

  test('dropping a token drops what was acquired with it, also what the store has given back', async () => {
    const first = scene({ preheat: false, provider: withApp })
    const { clock, store } = first
    await after(clock, 300, first.tokens.token('api/tenant/acme').get())
    const second = scene({ preheat: false, provider: withApp, clock, store, node: 'two' })
    const app = second.tokens.token('api/app')
    const acme = second.tokens.token('api/tenant/acme')
    await after(clock, 100, Promise.all([app.get(), acme.get()]))
    expect(second.upstream.calls).toBe(0)
    const causes: string[] = []
    second.tokens.on('token.invalidated', ({ ref, cause }) => causes.push(`${ref} ${cause}`))
    expect(await app.invalidate(app.peek())).toBe(true)
    expect(causes).toEqual(['api/app rejected', 'api/tenant/acme dependency'])
    expect(acme.peek()).toBeUndefined()
    await clock.advance(1)
    expect(first.tokens.token('api/tenant/acme').peek()).toBeUndefined()
  })

  test('a token that others need stays warm as long as they are used', async () => {
    const upstream = new Upstream()
    const { clock, tokens } = scene({ provider: withApp, upstream })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 300, acme.get())
    for (let hours = 0; hours < 12; hours++) {
      await clock.advance(3_600_000)
      expect(acme.peek()).toBeDefined()
    }
    expect(tokens.token('api/app').inspect().state).toMatch(/fresh|stale/)
  })
})
