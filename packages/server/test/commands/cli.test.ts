import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey, hashKey } from '@hotwell/server'
import { staticToken } from 'hotwell/providers/static'
import { expect, test } from 'vitest'
import { start, temporaryFolder } from '../start.ts'
import { runHotwell } from './run-hotwell.ts'

const value = 'the-token-of-the-crm'
const providers = { crm: staticToken({ tokens: { client: value } }) }

test('token get prints the token and nothing else, from the server that HOTWELL_URL names', async () => {
  const key = generateKey()
  const server = await start({ providers, keys: [{ name: 'all', sha256: hashKey(key), actions: ['admin'] }] })
  const environment = { HOTWELL_URL: server.url, HOTWELL_API_KEY: key }
  const got = await runHotwell(['token', 'get', 'crm/client'], { environment })
  const [details, asJson, listed] = await Promise.all([
    runHotwell(['token', 'get', 'crm/client', '--details'], { environment }),
    runHotwell(['token', 'get', 'crm/client', '--json'], { environment }),
    runHotwell(['token', 'list'], { environment }),
  ])
  expect(got).toEqual({ code: 0, stdout: `${value}\n`, stderr: '' })
  expect(details.stdout).toContain('crm/client')
  expect(details.stdout).not.toContain(value)
  expect(JSON.parse(asJson.stdout)).toMatchObject({ ref: 'crm/client', token: value })
  expect(listed.stdout).toMatch(/^Token .*\n.*crm\/client +fresh/s)

  const rejected = await runHotwell(['token', 'invalidate', 'crm/client', '--rejected', '--json'], {
    environment,
    input: 'another-token\n',
  })
  expect(JSON.parse(rejected.stdout)).toEqual({ ref: 'crm/client', invalidated: false })
  const refreshed = await runHotwell(['token', 'refresh', 'crm/client'], { environment })
  expect(refreshed).toMatchObject({ code: 0, stdout: expect.stringContaining('crm/client is fresh') })
})

test('the exit code says what went wrong, and standard error says it to people', async () => {
  const key = generateKey()
  const server = await start({ providers, keys: [{ name: 'all', sha256: hashKey(key) }] })
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'hotwell.config.yaml'), 'prot: 1\n')
  const known = { HOTWELL_URL: server.url, HOTWELL_API_KEY: key }
  const cases: [args: string[], environment: Record<string, string>, code: number, stderr: RegExp][] = [
    [['token', 'get', 'crm/app'], known, 1, /\(unknown_kind\)/],
    [['token', 'get', 'nobody/client'], known, 1, /no provider "nobody".*\(unknown_provider\)/],
    [['tokn'], {}, 2, /unknown command 'tokn'.*\n.*token/],
    [['token', 'get'], {}, 2, /missing required argument 'ref'/],
    [['token', 'get', 'crm'], known, 2, /provider\/kind/],
    [['serve', '--log-level', 'loud'], {}, 2, /Allowed choices are trace, debug/],
    [['serve', '--port', 'http'], {}, 2, /whole number from 0 to 65535/],
    [
      ['token', 'get', 'crm/client', '--url', 'http://127.0.0.1:1'],
      {},
      3,
      /No server answers at http:\/\/127.0.0.1:1.*hotwell serve/,
    ],
    [['token', 'get', 'crm/client'], { HOTWELL_URL: server.url }, 4, /HOTWELL_API_KEY/],
    [['config', 'check'], {}, 5, /hotwell\.config\.yaml cannot be used: prot: .*did you mean port\?/],
    [['serve'], {}, 5, /prot: /],
  ]
  const outcomes = await Promise.all(cases.map(([args, environment]) => runHotwell(args, { cwd, environment })))
  for (const [index, [args, , code, stderr]] of cases.entries()) {
    const outcome = outcomes[index]!
    expect({ args, code: outcome.code }, outcome.stderr).toEqual({ args, code })
    expect(outcome.stderr).toMatch(stderr)
    expect(outcome.stderr).not.toMatch(/\n\s+at /)
    expect(outcome.stdout).toBe('')
  }
})

test('keys are made, listed and revoked; the key is shown once and kept nowhere', async () => {
  const data = await temporaryFolder()
  const keys = (...args: string[]) => runHotwell(['keys', ...args, '--data', data])
  const created = await keys('create', 'worker', '--refs', 'feishu/*', '--actions', 'read', 'refresh')
  expect(created.code).toBe(0)
  expect(created.stdout).toMatch(/^hw_[A-Za-z0-9_-]{43}\n$/)
  expect(await readFile(join(data, 'keys.json'), 'utf8')).not.toContain(created.stdout.trim())
  expect((await keys('list')).stdout).toMatch(/worker +feishu\/\* +read refresh/)
  expect(await keys('create', 'worker')).toMatchObject({ code: 1, stderr: expect.stringContaining('already') })
  expect(await keys('create', 'x', '--actions', 'write')).toMatchObject({ code: 2 })
  expect(await keys('revoke', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('there are worker') })
  expect(await keys('revoke', 'worker')).toMatchObject({ code: 0 })
  expect((await keys('list')).stdout).toContain('There is no API key')
})

test('config check builds a TypeScript configuration of a clone, without a build of ours', async () => {
  const cwd = await temporaryFolder()
  const config = `import { custom } from 'hotwell/providers/custom'
import { defineConfig } from '@hotwell/server'
const port: number = 9123
export default defineConfig({ port, providers: { own: custom({ kinds: ['client'], acquire: async () => ({ value: 'x', expiresInSeconds: 60 }) }) },
  syncs: { plant: { source: { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' }, target: { use: 'hotwell/targets/sqlite', path: 'plant.db' } } } })
`
  // Where a user's project finds the packages: in a node_modules above it.
  const modules = new URL('../../../../node_modules', import.meta.url).pathname
  await symlink(modules, join(cwd, 'node_modules'))
  await writeFile(join(cwd, 'hotwell.config.ts'), config)
  const outcome = await runHotwell(['config', 'check'], { cwd })
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  expect(outcome.stdout).toMatch(/127\.0\.0\.1:9123.*providers +own.*syncs +plant/s)
})

test('a module that is not there is told in a sentence, without what Node says around it', async () => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'own.mjs'), "import 'not-there'\nexport function own() {}\n")
  const uses = ['hotwell/providers/feichu', 'not-installed', './no.ts', './own.mjs']
  const config = { providers: Object.fromEntries(uses.map((use, index) => [`p${index}`, { use }])) }
  await writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify(config))
  const { code, stderr } = await runHotwell(['config', 'check'], { cwd })
  expect(code).toBe(5)
  expect(stderr.trim().split('\n').slice(1)).toEqual([
    '  - providers.p0: the module "hotwell/providers/feichu" was not found in the library; there are client-credentials, custom, feishu, site-login, static',
    `  - providers.p1: the module "not-installed" was not found from ${cwd}; is the package installed there?`,
    `  - providers.p2: there is no file ${join(cwd, 'no.ts')}`,
    expect.stringMatching(/p3: the module "\.\/own\.mjs" cannot be loaded: Cannot find package 'not-there'/),
  ])
})
