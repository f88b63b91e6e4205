import { join } from 'node:path'
import { startLarkSimulator } from '@hotwell/sandbox'
import { createTokenManager, type Provider } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { custom } from 'hotwell/providers/custom'
import { feishu } from 'hotwell/providers/feishu'
import { sqlite } from 'hotwell/stores/sqlite'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { type Ending, mortal, temporaryFolder, tokenServer } from './scene.ts'
import { crm, serve } from './served.ts'

const hour = 3_600_000

/** One life of a process: a manager on the store, one token, closed again. */
async function oneLife(path: string, provider: Provider, ref: string, clock?: FakeClock): Promise<string> {
  const tokens = createTokenManager({ providers: { it: provider }, store: sqlite({ path, clock }), clock })
  try {
    return await tokens.token(ref as 'it/client').get()
  } finally {
    await tokens.close()
  }
}

async function larkWithTwoApps({ onTestFinished }: Ending) {
  const lark = await startLarkSimulator({
    apps: ['one', 'two'].map(name => ({ appId: `cli_${name}`, appSecret: `secret-${name}`, tenants: ['acme'] })),
  })
  onTestFinished(() => lark.close())
  const app = (name: string, appSecret = `secret-${name}`) =>
    feishu({ baseUrl: lark.url, appId: `cli_${name}`, appSecret })
  return { lark, app }
}

describe.concurrent('a restart', () => {
  test('of a manager serves the stored token without a new acquisition', async context => {
    const server = await tokenServer(context, { lifeSeconds: 600 })
    const path = join(await temporaryFolder(context), 'tokens.db')
    const provider = () =>
      clientCredentials({ tokenEndpoint: server.tokenEndpoint, clientId: 'crm', clientSecret: 'secret' })
    const lives = []
    for (let life = 0; life < 3; life++) lives.push(await oneLife(path, provider(), 'it/client'))
    expect(new Set(lives).size).toBe(1)
    expect(server.requests).toBe(1)
  })

  test('with another store acquires anew', async context => {
    const server = await tokenServer(context, { lifeSeconds: 600 })
    const folder = await temporaryFolder(context)
    const provider = () =>
      clientCredentials({ tokenEndpoint: server.tokenEndpoint, clientId: 'crm', clientSecret: 'secret' })
    for (const name of ['a.db', 'b.db']) await oneLife(join(folder, name), provider(), 'it/client')
    expect(server.requests).toBe(2)
  })

  test('after kill -9 serves the stored token without a new acquisition', async context => {
    const server = await tokenServer(context, { lifeSeconds: 600 })
    const path = join(await temporaryFolder(context), 'tokens.db')
    const { tokenEndpoint } = server
    const start = () =>
      mortal(context, startProgram('callers', { name: 'A', tokenEndpoint, path, callers: 8, everyMs: 10 }))
    const values = new Set<string>()
    for (let life = 0; life < 2; life++) {
      const child = start()
      await child.told('ready')
      await child.ask('go')
      let seen: string[] = []
      while (seen.length === 0) {
        const { generations } = await child.ask<{ generations: Record<string, Record<string, string>> }>('seen')
        seen = Object.values(generations.read!)
      }
      for (const value of seen) values.add(value)
      await child.kill()
    }
    expect(values.size).toBe(1)
    expect(server.requests).toBe(2)
    expect(server.issued.map(({ scope }) => scope).sort()).toEqual(['read', 'write'])
  })

  test('of the server, in order or by kill -9, serves the stored token without a new acquisition', async context => {
    const server = await tokenServer(context, { lifeSeconds: 600 })
    const folder = await temporaryFolder(context)
    const config = { providers: { crm: crm(server.tokenEndpoint) }, manifest: ['crm/client'] }
    const values = new Set<string>()
    for (const ending of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      const { child, token } = await serve(context, folder, config)
      values.add(await token('crm/client'))
      child.signal(ending)
      await child.exited
    }
    expect(values.size).toBe(1)
    expect(server.requests).toBe(1)
  })

  test('under a wall clock that was set back or a little on serves the stored token, and no longer than it lives', async context => {
    const path = join(await temporaryFolder(context), 'tokens.db')
    let acquired = 0
    const provider = custom({
      kinds: ['client'],
      acquire: () => ({ value: `token-${++acquired}`, expiresInSeconds: 7200 }),
    })
    const startAt = Date.UTC(2026, 5, 1)
    const life = (wall: number) => oneLife(path, provider, 'it/client', new FakeClock({ startAt: wall }))
    expect(await life(startAt)).toBe('token-1')
    expect(await life(startAt - 24 * hour)).toBe('token-1')
    expect(await life(startAt + hour)).toBe('token-1')
    expect(await life(startAt + 3 * hour)).toBe('token-2')
    // Back where it was: the newer one is there, and lives by its own record.
    expect(await life(startAt + hour)).toBe('token-2')
    expect(acquired).toBe(2)
  })

  test('restores nothing that would outlive its recorded life because the clock was set back', async context => {
    const path = join(await temporaryFolder(context), 'tokens.db')
    let acquired = 0
    const provider = custom({
      kinds: ['client'],
      acquire: () => ({ value: `token-${++acquired}`, expiresInSeconds: 7200 }),
    })
    const startAt = Date.UTC(2026, 5, 1)
    await oneLife(path, provider, 'it/client', new FakeClock({ startAt }))
    const clock = new FakeClock({ startAt: startAt - 24 * hour })
    const tokens = createTokenManager({
      providers: { it: provider },
      store: sqlite({ path, clock }),
      clock,
      preheat: false,
    })
    context.onTestFinished(() => tokens.close())
    const handle = tokens.token('it/client')
    expect(await handle.get()).toBe('token-1')
    await clock.advance(2 * hour + 1000)
    expect(await handle.get()).toBe('token-2')
  })

  test('with another app id never serves the former token, and with the first one again serves it again', async context => {
    const { lark, app } = await larkWithTwoApps(context)
    const path = join(await temporaryFolder(context), 'tokens.db')
    const first = await oneLife(path, app('one'), 'it/tenant/acme')
    const second = await oneLife(path, app('two'), 'it/tenant/acme')
    expect(second).not.toBe(first)
    expect(await oneLife(path, app('one'), 'it/tenant/acme')).toBe(first)
    expect(await oneLife(path, app('two'), 'it/tenant/acme')).toBe(second)
    expect(lark.authCalls.map(({ appId }) => appId)).toEqual(['cli_one', 'cli_two'])
  })

  test('with another secret keeps the token', async context => {
    const { lark, app } = await larkWithTwoApps(context)
    const path = join(await temporaryFolder(context), 'tokens.db')
    const first = await oneLife(path, app('one'), 'it/tenant/acme')
    lark.setSecret('cli_one', 'secret-new')
    expect(await oneLife(path, app('one', 'secret-new'), 'it/tenant/acme')).toBe(first)
    expect(lark.authCalls.length).toBe(1)
  })

  test('with a corrected secret asks at once, whatever failure is remembered', async context => {
    const { lark, app } = await larkWithTwoApps(context)
    const path = join(await temporaryFolder(context), 'tokens.db')
    const rejected = expect.objectContaining({ code: 'credentials_rejected' })
    await expect(oneLife(path, app('one', 'wrong-secret'), 'it/tenant/acme')).rejects.toThrow(rejected)
    await expect(oneLife(path, app('one', 'wrong-secret'), 'it/tenant/acme')).rejects.toThrow(rejected)
    expect(lark.authCalls.length).toBe(1)
    expect(await oneLife(path, app('one'), 'it/tenant/acme')).toMatch(/^t-/)
  })
})
