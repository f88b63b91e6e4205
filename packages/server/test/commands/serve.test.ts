// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of configuration files
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey, hashKey } from '@hotwell/server'
import { expect, test } from 'vitest'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { appSecret, ask, clientSecret, startWorld, temporaryFolder } from '../start.ts'
import { RunningHotwell } from './run-hotwell.ts'

async function serving() {
  const world = await startWorld()
  const cwd = await temporaryFolder()
  const config = {
    providers: {
      feishu: {
        use: 'hotwell/providers/feishu',
        baseUrl: world.lark.url,
        tenants: {
          acme: { appId: 'cli_0', appSecret: '${APP_SECRET}' },
          wrong: { appId: 'cli_1', appSecret: '${APP_SECRET}-wrong' },
        },
      },
      crm: {
        use: 'hotwell/providers/client-credentials',
        issuer: world.openId.issuer,
        clientId: 'crm',
        clientSecret: '${CLIENT_SECRET}',
      },
    },
    manifest: ['feishu/tenant/acme', 'crm/client'],
    logLevel: 'trace',
  }
  const write = (changed: object) =>
    writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify({ ...config, ...changed }))
  await write({})
  const environment = {
    APP_SECRET: appSecret,
    CLIENT_SECRET: clientSecret,
    HOTWELL_PORT: '0',
    HOTWELL_DATA_DIR: join(cwd, 'data'),
  }
  const start = async () => {
    const server = new RunningHotwell(['serve'], { cwd, environment })
    const [, url] = await server.says(/"url":"([^"]+)"/)
    return { server, url: url! }
  }
  return { ...world, start, write, dataDir: join(cwd, 'data') }
}

test('no secret, token or API key is in any log line or file of a whole run', async () => {
  const { start, dataDir } = await serving()
  const key = generateKey()
  await writeKeyFile(join(dataDir, 'keys.json'), [
    { name: 'all', sha256: hashKey(key), refs: ['*'], actions: ['admin'] },
  ])
  const { server, url } = await start()
  const headers = { authorization: `Bearer ${key}` }
  const tokens: string[] = []
  for (const ref of ['feishu/tenant/acme', 'crm/client', 'feishu/tenant/wrong']) {
    const first = await ask(url, `/api/v1/tokens/${ref}`, { headers })
    await ask(url, `/api/v1/tokens/${ref}/-/refresh`, { method: 'POST', headers })
    const second = await ask(url, `/api/v1/tokens/${ref}`, { headers })
    tokens.push(...[first, second].map(reply => reply.json.token).filter(Boolean))
    await ask(url, `/api/v1/tokens/${ref}/-/invalidate`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ token: second.json.token ?? 'x' }),
    })
  }
  const wrongKey = generateKey()
  await ask(url, `/api/v1/tokens/crm/client?key=${wrongKey}`, { headers: { 'x-api-key': wrongKey } })
  const told = [await ask(url, '/api/v1/tokens', { headers }), await ask(url, '/metrics', { headers })]
  expect(await server.stop()).toBe(0)

  expect(new Set(tokens).size).toBeGreaterThanOrEqual(3)
  const kept = await Promise.all((await readdir(dataDir)).map(name => readFile(join(dataDir, name), 'latin1')))
  expect(kept.length).toBeGreaterThanOrEqual(3)
  const everything = [server.stdout, server.stderr, ...told.map(reply => reply.text), ...kept].join('\n')
  // The control: the search finds what is there.
  expect(everything).toContain('feishu/tenant/acme')
  for (const secret of [...tokens, appSecret, clientSecret, key, wrongKey]) expect(everything).not.toContain(secret)
  const lines = server.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.every(line => typeof line.level === 'string' && typeof line.msg === 'string')).toBe(true)
  expect(lines.some(line => line.level === 'warn' && /feishu\/tenant\/wrong/.test(JSON.stringify(line)))).toBe(true)
})

test('a restart serves the stored token without a new acquisition, and ends in order on SIGTERM', async () => {
  const { start, openId } = await serving()
  const first = await start()
  const before = await ask(first.url, '/api/v1/tokens/crm/client')
  expect(await first.server.stop('SIGTERM')).toBe(0)
  const second = await start()
  const after = await ask(second.url, '/api/v1/tokens/crm/client')
  expect(after.json).toMatchObject({ token: before.json.token, source: 'store' })
  expect(openId.requests.byGrant).toEqual({ client_credentials: 1 })
  expect(await second.server.stop('SIGINT')).toBe(0)
})

test('SIGHUP reads the configuration again; a bad one is refused and the server goes on', async () => {
  const { start, write } = await serving()
  const { server, url } = await start()
  await write({ manifest: ['feishu/tenant/acme'], providers: {} })
  server.child.kill('SIGHUP')
  await server.says(/The new configuration is refused, the old one stays: .*manifest\[0\]/)
  expect((await ask(url, '/api/v1/tokens/crm/client')).status).toBe(200)
  expect(await server.stop()).toBe(0)
})
