import { type LarkSimulator, startLarkSimulator } from '@hotwell/sandbox'
import type { HotwellConfig, HotwellServer } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { feishu } from 'hotwell/providers/feishu'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WarmUp } from '../../src/performance/warm-up.ts'
import { appSecret, ask, start } from '../start.ts'

interface Scene {
  lark: LarkSimulator
  server: HotwellServer
  refs: string[]
  /** The body of the reply. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, a test looks at it
  warmUp(query?: string): Promise<any>
}

interface SceneOptions {
  tenants: number
  gate?: HotwellConfig['gate']
  quota?: { perSecond: number }
  providers?: HotwellConfig['providers']
  latencyMs?: number
}

/** A Lark with so many tenants, each with an app, and a server that is to keep their tokens and has none yet. */
async function scene({ tenants, gate, quota, providers, latencyMs = 0 }: SceneOptions): Promise<Scene> {
  const names = Array.from({ length: tenants }, (_, index) => `t${index}`)
  const own = { appId: 'own', appSecret, tenants: ['own'] }
  const apps = names.map(tenant => ({ appId: `app-${tenant}`, appSecret, tenants: [tenant] }))
  const lark = await startLarkSimulator({ apps: [own, ...apps], latencyMs })
  onTestFinished(() => lark.close())
  const provider = feishu({
    ...{ baseUrl: lark.url, appId: 'own', appSecret, quota },
    tenants: Object.fromEntries(names.map(tenant => [tenant, { appId: `app-${tenant}`, appSecret }])),
  })
  const server = await start({ providers: { feishu: provider, ...providers }, preheat: false, gate })
  const refs = names.map(tenant => `feishu/tenant/${tenant}`)
  for (const ref of refs) server.tokens.token(ref as never)
  const warmUp = async (query = '') => {
    const reply = await ask(server.url, `/api/v1/performance/cache/warm-up${query}`, { method: 'POST' })
    expect(reply.status).toBe(200)
    return reply.json
  }
  return { lark, server, refs, warmUp }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** The same without its limit: everything at once, as a plain loop would do it. */
function unlimited({ tokens }: HotwellServer): WarmUp {
  const warmUp = new WarmUp({ tokens, log: silent, concurrency: Number.POSITIVE_INFINITY })
  onTestFinished(() => warmUp.close())
  return warmUp
}

describe('a warm-up of some hundred tokens', () => {
  test('keeps to the quota and to the most at once: the provider refuses nothing', async () => {
    const { lark, refs, warmUp } = await scene({
      ...{ tenants: 300, latencyMs: 20 },
      ...{ gate: { maxConcurrentPerProvider: 8 }, quota: { perSecond: 150 } },
    })
    lark.faults.set({ limitPerSecond: 150 })
    const { warm, progress } = await warmUp()
    expect(warm.sort()).toEqual([...refs].sort())
    expect(progress).toMatchObject({ total: 300, kept: 0, acquired: 300, failed: 0, pending: 0, secondsLeft: 0 })
    expect(lark.requests.byStatus).toEqual({ 200: 300 })
    expect(lark.requests.peakInFlight).toBeLessThanOrEqual(8)
    expect((await warmUp()).progress).toMatchObject({ total: 300, kept: 300, acquired: 0 })
    expect(lark.requests.total).toBe(300)
  })

  const narrow = { tenants: 160, latencyMs: 40, gate: { maxConcurrentPerProvider: 4, queueTimeoutSeconds: 1 } }

  test('takes longer than anybody may wait at the gate, and nobody waits there', async () => {
    const { server, warmUp } = await scene(narrow)
    expect((await warmUp()).progress).toMatchObject({ acquired: 160, failed: 0, pending: 0 })
    expect(server.tokens.gateUsage().timedOut).toBe(0)
  })

  test('control: without the limit most of it runs out of time at the gate', async () => {
    const { server, refs } = await scene(narrow)
    await unlimited(server).begin(refs).report({ timeoutSeconds: 1.5 })
    expect(server.tokens.gateUsage().timedOut).toBeGreaterThan(30)
  })
})

test('where no quota is known the 429s of the provider slow it down, and nothing is lost', async () => {
  const { lark, warmUp } = await scene({ tenants: 100, latencyMs: 10 })
  lark.faults.set({ limitPerSecond: 30 })
  expect((await warmUp()).progress).toMatchObject({ acquired: 100, failed: 0, pending: 0 })
  expect(lark.requests.byStatus[200]).toBe(100)
  // The limit was met, and then hardly ever again.
  expect(lark.requests.byStatus[429]).toBeGreaterThan(0)
  expect(lark.requests.byStatus[429]).toBeLessThanOrEqual(20)
})

describe('the outcome is counted by its kind', () => {
  test('what fails keeps nothing else back, and is asked again once that may help', async () => {
    const { lark, refs, warmUp } = await scene({ tenants: 120 })
    const wrong = refs.slice(30, 42)
    for (const ref of wrong) lark.setSecret(`app-${ref.split('/').at(-1)}`, 'another')
    const told = await warmUp()
    const counts = { total: 120, kept: 0, acquired: 108, failed: 12, pending: 0 }
    expect(told.progress).toMatchObject({ ...counts, failedByCode: { credentials_rejected: 12 } })
    expect(told.warm.sort()).toEqual(refs.filter(ref => !wrong.includes(ref)).sort())
    expect(told.failed.map((failure: { ref: string }) => failure.ref).sort()).toEqual([...wrong].sort())
    const asked = lark.requests.total
    expect((await warmUp()).progress).toMatchObject({ kept: 108, acquired: 0, failed: 12 })
    expect(lark.requests.total).toBe(asked)
  })

  test('a ref that has failed before is warm as soon as its provider is well again', async () => {
    let isDown = true
    const crm = custom({
      kinds: ['tenant'],
      acquire: async ({ ref }) => {
        if (isDown) throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
        return { value: `token of ${ref.subject}`, expiresInSeconds: 3600 }
      },
    })
    const { server } = await scene({ tenants: 0, providers: { crm }, gate: { acquisitionTimeoutSeconds: 1 } })
    const handle = server.tokens.token('crm/tenant/acme' as never)
    await expect(handle.get()).rejects.toThrow()
    isDown = false
    const { retryAt = 0 } = handle.inspect().failure!
    await vi.waitUntil(() => Date.now() > retryAt + 5, 10_000)
    const reply = await ask(server.url, '/api/v1/performance/cache/warm-up?site_name=crm', { method: 'POST' })
    expect(reply.json).toMatchObject({ warm: ['crm/tenant/acme'], failed: [], progress: { acquired: 1 } })
  })

  test('who asks while it runs is told how far it is, and acquires nothing twice', async () => {
    const { lark, warmUp } = await scene({ tenants: 200, latencyMs: 10 })
    expect((await warmUp('?timeout_seconds=0')).progress).toMatchObject({ pending: 200, secondsLeft: null })
    await vi.waitUntil(() => lark.requests.total > 40, 10_000)
    const { warm, pending, progress } = await warmUp('?timeout_seconds=0')
    expect(warm.length).toBeGreaterThan(20)
    expect(warm.length + pending.length).toBe(200)
    expect(progress).toMatchObject({ total: 200, pending: pending.length, failed: 0 })
    expect((await warmUp()).progress).toMatchObject({ total: 200, pending: 0, failed: 0 })
    expect(lark.requests.byStatus).toEqual({ 200: 200 })
  })
})

describe('a provider that does not answer', () => {
  /** Until the test is over: a server that closes lets acquisitions end. */
  function stuck() {
    const held = Promise.withResolvers<{ value: string; expiresInSeconds: number }>()
    const release = () => held.resolve({ value: 'an-old-token', expiresInSeconds: 3600 })
    return { release, archive: custom({ kinds: ['tenant'], acquire: () => held.promise }) }
  }

  test('keeps no other waiting', async () => {
    const { release, archive } = stuck()
    const { server, refs, warmUp } = await scene({ tenants: 100, providers: { archive } })
    for (let index = 0; index < 100; index++) server.tokens.token(`archive/tenant/t${index}` as never)
    await warmUp('?site_name=archive&timeout_seconds=0')
    expect((await warmUp('?site_name=feishu')).warm.sort()).toEqual([...refs].sort())
    expect((await warmUp('?timeout_seconds=0')).progress).toMatchObject({ kept: 100, pending: 100 })
    release()
    expect((await warmUp()).progress).toMatchObject({ total: 200, failed: 0, pending: 0 })
  })

  test('a server that closes tells whoever waits for the end of a warm-up that it does', async () => {
    const { release, archive } = stuck()
    const { server, warmUp } = await scene({ tenants: 0, providers: { archive } })
    for (let index = 0; index < 50; index++) server.tokens.token(`archive/tenant/t${index}` as never)
    const told = warmUp('?site_name=archive')
    await vi.waitUntil(() => server.tokens.gateUsage().running > 0)
    const closed = server.close()
    expect((await told).progress).toMatchObject({ total: 50, failed: 50, failedByCode: { closed: 50 } })
    release()
    await closed
  })

  test('control: with one list for all of them the others are never begun', async () => {
    const { release, archive } = stuck()
    const { server, refs } = await scene({ tenants: 100, providers: { archive } })
    const others = Array.from({ length: 100 }, (_, index) => `archive/tenant/t${index}`)
    const { warm, pending } = await server.tokens.warmUp([...others, ...refs], { timeoutSeconds: 1 })
    expect({ warm: warm.length, pending: pending.length }).toEqual({ warm: 0, pending: 200 })
    release()
  })
})
