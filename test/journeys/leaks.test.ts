import { randomBytes } from 'node:crypto'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, inspect } from 'node:util'
import { startLarkSimulator } from '@hotwell/sandbox'
import { createTokenManager, type Logger } from 'hotwell'
import { createHistory } from 'hotwell/history'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'
import { sqlite } from 'hotwell/stores/sqlite'
import { expect, test } from 'vitest'
import { startHotwell } from './child.ts'
import { type Ending, mortal, temporaryFolder, tokenServer, until } from './scene.ts'
import { filesOf, type Readable, secretsIn } from './secrets-in.ts'
import { serve } from './served.ts'

const random = () => randomBytes(18).toString('base64')
/** As a configuration names an environment variable. */
const variable = (name: string) => `\${${name}}`
/** A secret that stands in no form for itself: punctuation, a quote, a space. */
const awkward = () => `s3"+/ ${random()}&=%`

/** Providers that work, and providers that fail in ways in which a careless program would quote a secret. */
async function world(ending: Ending) {
  const secrets = {
    good: awkward(),
    wrong: awkward(),
    page: awkward(),
    junk: awkward(),
    lark: random(),
    wrongLark: random(),
  }
  const halfTokens = { page: `page-token-${random()}`, junk: `junk-token-${random()}` }
  const server = await tokenServer(ending, { lifeSeconds: 600 })
  server.settings.intercept = ({ client }) => {
    const secret = secrets[client as keyof typeof secrets]
    const echo = { error: 'invalid_client', error_description: `The secret ${secret} is wrong`, client_secret: secret }
    if (client === 'wrong') return { status: 401, body: JSON.stringify(echo) }
    const headers = { 'content-type': 'text/html' }
    if (client === 'page') return { headers, body: `<h1>Hello ${secret}</h1><p>${halfTokens.page}</p>` }
    if (client === 'junk') return { body: `{"access_token":"${halfTokens.junk}","expires_in":600` }
    return undefined
  }
  const lark = await startLarkSimulator({
    apps: [{ appId: 'cli_good', appSecret: secrets.lark, tenants: ['acme'] }],
    reuseWindowSeconds: 60,
  })
  ending.onTestFinished(() => lark.close())
  const crm = (name: 'good' | 'wrong' | 'page' | 'junk') => ({
    tokenEndpoint: server.tokenEndpoint,
    clientId: name,
    clientSecret: secrets[name],
  })
  const larkApp = (appSecret: string) => ({ baseUrl: lark.url, appId: 'cli_good', appSecret })
  return {
    server,
    lark,
    crm,
    larkApp,
    secrets: [...Object.values(secrets), ...Object.values(halfTokens)],
    named: secrets,
  }
}

const refs = [
  'good/client',
  'lark/tenant/acme',
  'lark/app',
  'wrong/client',
  'page/client',
  'junk/client',
  'wronglark/app',
]

test('a server that runs through successes and failures shows no secret and no token to anybody who did not ask for it', async context => {
  const { server, lark, crm, larkApp, secrets, named } = await world(context)
  const folder = await temporaryFolder(context)
  const data = join(folder, 'data')
  const fixed = `static-token-${random()}`
  const encryptionKey = randomBytes(32).toString('base64')
  const create = mortal(
    context,
    startHotwell(['keys', 'create', 'tester', '--data', data, '--actions', 'admin', '--json']),
  )
  await create.exited
  const apiKey = JSON.parse(create.output.slice(create.output.indexOf('{'), create.output.lastIndexOf('}') + 1))
    .key as string
  const use = 'hotwell/providers/'
  const config = {
    dataDir: data,
    logLevel: 'trace' as const,
    manifest: refs,
    providers: {
      good: { use: `${use}client-credentials`, ...crm('good'), clientSecret: variable('GOOD_SECRET') },
      wrong: { use: `${use}client-credentials`, ...crm('wrong') },
      page: { use: `${use}client-credentials`, ...crm('page') },
      junk: { use: `${use}client-credentials`, ...crm('junk') },
      lark: { use: `${use}feishu`, ...larkApp(named.lark) },
      wronglark: { use: `${use}feishu`, ...larkApp(named.wrongLark) },
      fixed: { use: `${use}static`, tokens: { client: fixed } },
    },
  }
  const environment = { GOOD_SECRET: named.good, HOTWELL_ENCRYPTION_KEY: encryptionKey }
  const { child, url } = await serve(context, folder, config, environment)
  const seen: Readable = {}
  const tokens: string[] = []
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) }
    const response = await fetch(url + path, { ...init, headers })
    const body = await response.text()
    const asked = response.ok && init.method === undefined && path.startsWith('/api/v1/tokens/')
    if (asked) tokens.push(JSON.parse(body).token)
    else seen[`${init.method ?? 'GET'} ${path.slice(0, 60)} (${Object.keys(seen).length})`] = body
    seen[`headers of ${path.slice(0, 60)} (${Object.keys(seen).length})`] = JSON.stringify([...response.headers])
    return response.status
  }
  const post = (path: string, body: object) =>
    ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

  const statuses = []
  for (const ref of [...refs, 'fixed/client']) statuses.push(await ask(`/api/v1/tokens/${ref}`))
  expect(statuses).toEqual([200, 200, 200, 502, 502, 502, 502, 200])
  for (const ref of refs) await ask(`/api/v1/tokens/${ref}/-/refresh`, { method: 'POST' })
  lark.revoke(tokens[1]!, { keepIssuing: true })
  await post('/api/v1/tokens/lark/tenant/acme/-/invalidate', { token: tokens[1] })
  await post('/api/v1/tokens/lark/tenant/acme/-/invalidate', { token: tokens[1], password: named.lark })
  await post('/api/v1/tokens/good/client/-/invalidate', { token: [tokens[0]] })
  await ask('/api/v1/tokens/good/client/-/invalidate', {
    method: 'POST',
    body: `{"token": "${tokens[0]}`,
    headers: { 'content-type': 'application/json' },
  })
  expect(await ask('/api/v1/tokens/lark/tenant/acme')).toBe(502)
  const wrongKey = `hw_${random()}${random()}`
  for (const headers of [
    { authorization: `Bearer ${wrongKey}` },
    { authorization: `Basic ${wrongKey}` },
    { authorization: wrongKey },
  ]) {
    await ask('/api/v1/tokens/good/client', { headers })
  }
  for (const path of [
    '/api/v1/tokens',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/',
    '/healthz',
    '/readyz',
    '/nowhere',
    '/api/v1/tokens/good/client?scope=x',
  ]) {
    await ask(path)
  }
  const running = await filesOf(data)
  child.signal('SIGTERM')
  expect((await child.exited).code).toBe(0)
  const stopped = await filesOf(data)
  for (const [name, content] of Object.entries(running)) seen[`${name} while running`] = content
  for (const [name, content] of Object.entries(stopped)) seen[`${name} afterwards`] = content
  seen.output = child.output

  const everything = [
    ...secrets,
    ...tokens,
    ...server.issued.map(({ value }) => value),
    apiKey,
    wrongKey,
    fixed,
    encryptionKey,
  ]
  expect(tokens.length).toBe(4)
  expect(Object.keys(running)).toEqual(expect.arrayContaining(['tokens.db', 'hotwell.db', 'keys.json']))
  expect(child.output).toContain('Acquired good/client')
  expect(child.output).toContain('Acquiring wrong/client failed')
  expect(secretsIn(seen, everything)).toEqual([])

  // The control: what is written on purpose is found, in the log and in a file, in each form.
  const [token] = tokens as [string]
  await appendFile(join(data, 'careless.log'), Buffer.from(`x${token}`).toString('base64'))
  expect(secretsIn(await filesOf(data), [token])).toEqual([expect.stringContaining('careless.log')])
  for (const form of [
    token,
    encodeURIComponent(named.good),
    Buffer.from(token).toString('hex'),
    JSON.stringify(named.good),
  ]) {
    expect(secretsIn({ output: child.output + form }, everything)).not.toEqual([])
  }
})

test('a manager tells no secret and no token: not in events, logs, errors, metrics, reports or files', async context => {
  const { server, crm, larkApp, secrets, named, lark } = await world(context)
  const folder = await temporaryFolder(context)
  const seen: Readable = {}
  let told = 0
  const log = (...words: unknown[]) => void (seen[`log ${told++}`] = `${format(...words)} ${JSON.stringify(words)}`)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const manager = createTokenManager({
    providers: {
      good: clientCredentials(crm('good')),
      wrong: clientCredentials(crm('wrong')),
      page: clientCredentials(crm('page')),
      junk: clientCredentials(crm('junk')),
      lark: feishu(larkApp(named.lark)),
      wronglark: feishu(larkApp(named.wrongLark)),
    },
    store: sqlite({ path: join(folder, 'tokens.db'), logger }),
    history: createHistory({ path: join(folder, 'hotwell.db'), logger }),
    logger,
    logHits: true,
  })
  const events = [
    'acquisition.started',
    'acquisition.finished',
    'token.adopted',
    'token.invalidated',
    'breaker.opened',
  ] as const
  const rest = ['breaker.closed', 'clock.jumped', 'store.failed', 'store.recovered', 'manager.closed'] as const
  const heard = new Set<string>()
  for (const name of [...events, ...rest]) {
    manager.on(name, event => {
      heard.add(name)
      seen[`event ${name} ${told++}`] = `${JSON.stringify(event)} ${inspect(event, { depth: 9 })}`
    })
  }
  const tokens: string[] = []
  const noted = (error: unknown) => {
    const shown = inspect(error, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null })
    seen[`error ${told++}`] = `${shown} ${JSON.stringify(error)}`
  }
  for (const ref of refs) {
    const handle = manager.token(ref as 'good/client')
    await handle.get().then(value => tokens.push(value), noted)
    await handle.refresh().then(({ value }) => tokens.push(value), noted)
    await handle.get({ minTtlSeconds: 6000 }).then(value => tokens.push(value), noted)
    seen[`inspection of ${ref}`] = `${inspect(handle, { depth: 1 })} ${JSON.stringify(handle.inspect())}`
  }
  const tenant = manager.token('lark/tenant/acme')
  const value = await tenant.get()
  lark.revoke(value, { keepIssuing: true })
  expect(await tenant.invalidate(value)).toBe(true)
  await tenant.get().then(() => expect.unreachable(), noted)
  for (const ref of ['good/client?scope=x', 'nobody/client', 'good/app', 'good/client/x', '../secrets']) {
    try {
      manager.token(ref as 'good/client')
      expect.unreachable()
    } catch (error) {
      noted(error)
    }
  }
  manager.logPerformanceMetrics()
  const { preheater } = manager
  seen.facts = inspect(
    [manager.list(), manager.health(), manager.gateUsage(), preheater.status(), manager.statistics],
    { depth: 9 },
  )
  seen.report = manager.metrics.performanceReport()
  Object.assign(seen, await filesOf(folder))
  await manager.close()
  for (const [name, content] of Object.entries(await filesOf(folder))) seen[`${name} afterwards`] = content
  delete seen['tokens.key afterwards']
  delete seen['tokens.key']

  expect([...heard]).toEqual(
    expect.arrayContaining(['acquisition.finished', 'breaker.opened', 'token.invalidated', 'manager.closed']),
  )
  expect(tokens.length).toBeGreaterThan(8)
  const everything = [...secrets, ...tokens, ...server.issued.map(issued => issued.value)]
  expect(secretsIn(seen, everything)).toEqual([])
})

test('a configuration that cannot be read shows no secret that stands beside the mistake, not even when it is read again', async context => {
  const folder = await temporaryFolder(context)
  const secret = 'Secret-beside-the-mistake'
  const broken = {
    'quote.json': `{"providers": {"crm": {"clientSecret": "${secret}"x}}}`,
    'bare.json': `{"providers": {"crm": {"clientSecret": ${secret}}}}`,
    'short.json': secret,
    'indented.yaml': `providers:\n  crm:\n    clientSecret: ${secret}\n   tokenEndpoint: x\n`,
    'open.yaml': `providers:\n  crm:\n    clientSecret: "${secret}\n`,
    'comma.ts': `export default { providers: { crm: { clientSecret: '${secret}' x } } }`,
    'thrown.ts': `const clientSecret = '${secret}'; throw new Error('no good')`,
  }
  const server = await serve(context, folder, { providers: {} })
  for (const [name, text] of Object.entries(broken)) {
    await writeFile(join(folder, name), text)
    const check = mortal(context, startHotwell(['config', 'check', '--config', name], { cwd: folder }))
    expect((await check.exited).code).toBe(5)
    expect(check.output).toContain(`${name} cannot be used: `)
    expect(check.output).not.toContain('Secret-')
    if (!name.endsWith('.json')) continue
    await writeFile(join(folder, 'hotwell.config.json'), text)
    const length = server.child.output.length
    server.child.signal('SIGHUP')
    await until('the refusal', () => server.child.output.slice(length).includes('the old one stays'))
  }
  expect(server.child.output).not.toContain('Secret-')
})
