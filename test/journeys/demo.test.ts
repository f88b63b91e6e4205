import { join } from 'node:path'
import { startLarkSimulator } from '@hotwell/sandbox'
import { describe, expect, test } from 'vitest'
import { startHotwell } from './child.ts'
import { mortal, pause, temporaryFolder, tokenServer } from './scene.ts'
import { serve } from './served.ts'
import { readToken } from './token-server.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const watchMs = long ? 600_000 : 46_000
const everyMs = 100

interface Watched {
  asked: number
  /** Status and body of whatever was no token. */
  errors: string[]
  /** The different values that each ref had. */
  values: Map<string, Set<string>>
  /** Callers who had to wait, counted by the server itself. */
  misses: number
  dead: number
}

/** Waits until all tokens are there, then asks for each of them over HTTP every 100 ms. */
async function watch(url: string, refs: readonly string[]): Promise<Watched> {
  for (;;) {
    const { manifest } = (await (await fetch(`${url}/readyz`)).json()) as { manifest: { warm: number } }
    if (manifest.warm === refs.length) break
    await pause(20)
  }
  const missesBefore = await misses(url)
  const watched: Watched = {
    asked: 0,
    errors: [],
    values: new Map(refs.map(ref => [ref, new Set()])),
    misses: 0,
    dead: 0,
  }
  const asking = new Set<Promise<void>>()
  const ask = async (ref: string) => {
    watched.asked++
    const response = await fetch(`${url}/api/v1/tokens/${ref}`)
    const body = await response.text()
    if (response.status !== 200) return void watched.errors.push(`${ref}: ${response.status} ${body}`)
    const { token, expiresInSeconds } = JSON.parse(body)
    watched.values.get(ref)!.add(token)
    if (!(expiresInSeconds >= 0) || readToken(token).expiresAt < Date.now()) watched.dead++
  }
  const end = Date.now() + watchMs
  while (Date.now() < end) {
    for (const ref of refs) {
      const one = ask(ref).catch(error => void watched.errors.push(`${ref}: ${error}`))
      asking.add(one)
      void one.then(() => asking.delete(one))
    }
    await pause(everyMs)
  }
  await Promise.all(asking)
  watched.misses = (await misses(url)) - missesBefore
  return watched
}

async function misses(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const counts = [...text.matchAll(/^hotwell_token_cache_misses_total(?:\{[^}]*\})? (\d+)/gm)]
  if (counts.length === 0) throw new Error(`There is no count of misses in:\n${text}`)
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

describe.concurrent('somebody who watches for a while', () => {
  test('sees the demo renew all of its tokens by itself, and never waits for one', async context => {
    const data = join(await temporaryFolder(context), 'data')
    const child = mortal(context, startHotwell(['demo', '--port', '0', '--data', data]))
    const [, url] = await child.wrote(/curl (http:\S+?)\/api/)
    const refs = ['feishu/app', 'feishu/tenant/acme', 'feishu/tenant/globex', 'feishu/tenant/initech', 'crm/client']
    const watched = await watch(url!, refs)
    expect(watched.errors).toEqual([])
    expect({ misses: watched.misses, dead: watched.dead }).toEqual({ misses: 0, dead: 0 })
    expect(watched.asked).toBeGreaterThan((watchMs / everyMs) * refs.length * 0.5)
    for (const [ref, values] of watched.values) expect([ref, values.size > (long ? 10 : 1)]).toEqual([ref, true])
    // A line for each acquisition, and none that was not asked for ahead of time.
    const lines = child.output.split('\n').filter(line => /^\d\d:\d\d:\d\d {2}/.test(line))
    expect(lines.filter(line => / first | preheat /.test(line)).length).toBe(lines.length)
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: 0, signal: null })
  })

  test('waits for no provider, however slow: a second and a half for each acquisition is nobody’s wait', async context => {
    const issuer = await tokenServer(context, { lifeSeconds: 14, latencyMs: 1500 })
    const lark = await startLarkSimulator({
      apps: [{ appId: 'cli_acme', appSecret: 'secret', tenants: ['acme'] }],
      tokenLifeSeconds: 14,
      reuseWindowSeconds: 1800,
      latencyMs: 1500,
    })
    context.onTestFinished(() => lark.close())
    const use = 'hotwell/providers'
    const refs = ['feishu/tenant/acme', 'crm/client']
    const { url, child } = await serve(context, await temporaryFolder(context), {
      dataDir: 'data',
      providers: {
        feishu: { use: `${use}/feishu`, baseUrl: lark.url, appId: 'cli_acme', appSecret: 'secret' },
        crm: {
          use: `${use}/client-credentials`,
          tokenEndpoint: issuer.tokenEndpoint,
          clientId: 'crm',
          clientSecret: 'secret',
        },
      },
      manifest: refs,
    })
    const watched = await watch(url, refs)
    expect(watched.errors).toEqual([])
    expect({ misses: watched.misses, dead: watched.dead }).toEqual({ misses: 0, dead: 0 })
    for (const [ref, values] of watched.values) expect([ref, values.size > 3]).toEqual([ref, true])
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: 0, signal: null })
  })

  test('is counted as waiting where the provider is slower than a token lives on after it is due', async context => {
    const issuer = await tokenServer(context, { lifeSeconds: 4, latencyMs: 1500 })
    const { url } = await serve(context, await temporaryFolder(context), {
      dataDir: 'data',
      providers: {
        crm: {
          use: 'hotwell/providers/client-credentials',
          tokenEndpoint: issuer.tokenEndpoint,
          clientId: 'crm',
          clientSecret: 'secret',
        },
      },
      manifest: ['crm/client'],
    })
    expect((await watch(url, ['crm/client'])).misses).toBeGreaterThan(0)
  })
})
