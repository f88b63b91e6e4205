import { join } from 'node:path'
import { startLarkSimulator, startOpenIdProvider } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'
import { sqlite } from 'hotwell/stores/sqlite'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { type Ending, settled, temporaryFolder } from './scene.ts'

const lifeSeconds = 60
/** What an acquisition takes on the fake clock. */
const latencyMs = 400
const manifest = [
  'feishu/app',
  'feishu/tenant/acme',
  'feishu/tenant/globex',
  'feishu/tenant/initech',
  'crm/client',
] as const

/** Three tenants and an OpenID client as in the demo, all on one clock that a test moves. */
async function world({ onTestFinished }: Ending, clock: FakeClock) {
  let underWay = 0
  /** The way to the provider takes its time on the fake clock; what then really happens takes none of it. */
  const slowFetch: typeof fetch = async (url, init) => {
    await new Promise<void>(resolve => clock.schedule(resolve, latencyMs))
    underWay++
    try {
      const response = await fetch(url, init)
      const { status, headers } = response
      const dated = new Headers(headers)
      dated.set('date', new Date(clock.now()).toUTCString())
      return new Response(await response.arrayBuffer(), { status, headers: dated })
    } finally {
      underWay--
    }
  }
  const names = ['own', 'acme', 'globex', 'initech']
  const [own, ...tenants] = names.map(name => ({ appId: `cli_${name}`, appSecret: `secret-${name}`, tenants: [name] }))
  const now = () => clock.now()
  const lark = await startLarkSimulator({
    apps: [own!, ...tenants],
    tokenLifeSeconds: lifeSeconds,
    reuseWindowSeconds: 1800,
    now,
  })
  onTestFinished(() => lark.close())
  const client = { clientId: 'crm', clientSecret: 'secret-of-the-crm' }
  const openId = await startOpenIdProvider({ clients: [client], accessTokenLifeSeconds: lifeSeconds, now })
  onTestFinished(() => openId.close())
  const apps = Object.fromEntries(tenants.map(({ appId, appSecret, tenants: [name] }) => [name!, { appId, appSecret }]))
  const providers = {
    feishu: feishu({
      baseUrl: lark.url,
      appId: own!.appId,
      appSecret: own!.appSecret,
      tenants: apps,
      fetch: slowFetch,
    }),
    crm: clientCredentials({ issuer: openId.issuer, ...client, fetch: slowFetch }),
  }
  /** Waits, in real time, for the requests that are really under way, and for what they cause. */
  const settle = async () => {
    for (let quiet = 0; quiet < 3; quiet++) {
      while (underWay > 0) {
        quiet = 0
        await new Promise(resolve => setTimeout(resolve, 1))
      }
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  return { providers, settle }
}

/** An hour in which somebody looks at each token every so often; how often there was none to be had at once. */
async function anHour(ending: Ending, options: { preheat: 'standard' | false; everyMs: number }) {
  const clock = new FakeClock()
  const { providers, settle } = await world(ending, clock)
  const store = sqlite({ path: join(await temporaryFolder(ending), 'tokens.db'), clock })
  const tokens = createTokenManager({ providers, store, clock, manifest, preheat: options.preheat })
  // What is under way when the hour is over ends on the fake clock.
  ending.onTestFinished(() => settled(clock, [tokens.close()]))
  const handles = manifest.map(ref => tokens.token(ref))
  const advance = async (ms: number) => {
    await clock.advance(ms)
    await settle()
  }
  while (handles.some(handle => handle.inspect().state === 'cold')) await advance(50)
  const start = clock.now()
  let blocked = 0
  for (let at = 0; at < 3_600_000; at += 50) {
    await advance(50)
    if (at % options.everyMs === 0) blocked += handles.filter(handle => handle.peek() === undefined).length
  }
  expect(clock.now() - start).toBe(3_600_000)
  return { blocked, renewals: tokens.list().map(({ renewals }) => renewals), status: tokens.preheater.status(), tokens }
}

describe('an hour of five tokens that live a minute', () => {
  test('blocks no caller who asks every 50 ms, and renews each token about once in three quarters of a minute', async context => {
    const { blocked, renewals, status, tokens } = await anHour(context, { preheat: 'standard', everyMs: 50 })
    expect(blocked).toBe(0)
    for (const count of renewals) {
      expect(count).toBeGreaterThanOrEqual(60)
      expect(count).toBeLessThanOrEqual(82)
    }
    expect(status.failed).toBe(0)
    expect(tokens.metrics.refreshSuccessRate()).toBe(1)
  })

  test('blocks no caller who comes once in a minute and more', async context => {
    expect((await anHour(context, { preheat: 'standard', everyMs: 70_000 })).blocked).toBe(0)
  })

  test('blocks that caller nearly every time where nothing is renewed ahead', async context => {
    expect((await anHour(context, { preheat: false, everyMs: 70_000 })).blocked).toBeGreaterThan(200)
  })
})
