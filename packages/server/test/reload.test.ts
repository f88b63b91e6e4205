import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer, generateKey, type ServerOptions } from '@hotwell/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ask, temporaryFolder } from './start.ts'

interface Line {
  level: string
  message: string
}

const light = { history: false, store: { use: 'hotwell/stores/memory' } }

async function running(content: object, options: ServerOptions = {}) {
  const cwd = await temporaryFolder()
  const path = join(cwd, 'hotwell.config.json')
  const write = (changed: object | string) =>
    writeFile(path, typeof changed === 'string' ? changed : JSON.stringify({ ...light, ...changed }))
  await write(content)
  const lines: Line[] = []
  const log = (level: string) => (_fields: object, message: string) => void lines.push({ level, message })
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const server = await createServer({ cwd, environment: { HOTWELL_PORT: '0' }, logger, ...options })
  onTestFinished(() => server.close())
  const token = async (ref: string) => (await ask(server.url, `/api/v1/tokens/${ref}`)).json
  return { server, write, lines, token }
}

const fixed = (value: string) => ({ use: 'hotwell/providers/static', tokens: { client: value } })

test('a changed configuration is taken while running: new providers serve, gone ones are unknown', async () => {
  const { server, write, token } = await running({ providers: { one: fixed('first'), two: fixed('second') } })
  expect((await token('one/client')).token).toBe('first')
  expect((await token('two/client')).token).toBe('second')
  await write({ providers: { one: fixed('replaced'), three: fixed('third') }, manifest: ['three/client'] })
  expect(await server.reload()).toBe(true)
  expect((await token('one/client')).token).toBe('replaced')
  expect((await token('three/client')).token).toBe('third')
  expect(await token('two/client')).toMatchObject({ status: 404, code: 'unknown_provider' })
})

test.each<[string, object | string]>([
  ['no JSON', '{'],
  ['a field that does not exist', { provider: {} }],
  ['a provider that cannot be built', { providers: { one: fixed('new'), two: { use: 'hotwell/providers/none' } } }],
  ['a manifest without its provider', { providers: { one: fixed('new') }, manifest: ['two/client'] }],
  ['a manifest with an unknown kind', { providers: { one: fixed('new') }, manifest: ['one/tenant/x'] }],
])('%s is refused and logged, and the old configuration stays whole', async (_name, bad) => {
  const { server, write, lines, token } = await running({ providers: { one: fixed('first') } })
  expect((await token('one/client')).token).toBe('first')
  await write(bad)
  expect(await server.reload()).toBe(false)
  expect(lines.filter(line => line.level === 'error').map(line => line.message)).toEqual([
    expect.stringMatching(/^The new configuration is refused, the old one stays: /),
  ])
  expect((await token('one/client')).token).toBe('first')
})

test('the file is watched, and several writes in a row are one reading', async () => {
  const { write, lines, token } = await running({ providers: { one: fixed('first') } }, { watch: true })
  for (const value of ['second', 'third', 'fourth']) await write({ providers: { one: fixed(value) } })
  await vi.waitFor(async () => expect((await token('one/client')).token).toBe('fourth'), 5000)
  expect(lines.filter(line => line.message === 'The configuration was read again')).toHaveLength(1)
})

test('keys of the configuration change with it; what needs a restart is said', async () => {
  const { server, write, lines } = await running({ providers: { one: fixed('first') } })
  const key = generateKey()
  await write({ providers: { one: fixed('first') }, namespace: 'other', keys: [{ name: 'all', key }] })
  expect(await server.reload()).toBe(true)
  expect((await ask(server.url, '/api/v1/tokens/one/client')).status).toBe(401)
  const headers = { authorization: `Bearer ${key}` }
  expect((await ask(server.url, '/api/v1/tokens/one/client', { headers })).status).toBe(200)
  expect(lines).toContainEqual({ level: 'warn', message: 'Takes effect after a restart only: namespace' })
  expect(JSON.stringify(lines)).not.toContain(key)
})

test('alerts and limits of the gate change with the file', async () => {
  const providers = { one: fixed('first') }
  const { server, write } = await running({ providers, gate: { maxConcurrentOther: 8 } })
  const limits = () => server.tokens.gateUsage().limits.maxConcurrentOther
  for (let time = 0; time < 6; time++) await server.tokens.token('one/client').refresh()
  const health = async () => (await ask(server.url, '/api/v1/performance/health')).json
  expect((await health()).state).toBe('healthy')
  await write({ providers, gate: { maxConcurrentOther: 6 }, alerts: { maxAvgDurationSeconds: 0.000_000_001 } })
  expect(await server.reload()).toBe(true)
  expect(await health()).toMatchObject({ state: 'degraded', alerts: [{ rule: 'maxAvgDurationSeconds' }] })
  expect(limits()).toBe(6)
  await write({ providers, gate: { maxConcurrentOther: 6 }, alerts: false })
  expect(await server.reload()).toBe(true)
  expect((await health()).state).toBe('healthy')
})

test.each<[string, object]>([
  ['an alert that cannot be', { alerts: { minSuccessRate: 2 } }],
  ['bounds the wrong way round', { gate: { bounds: { maxConcurrentOther: { min: 9, max: 3 } } } }],
  ['a limit of 0', { gate: { maxConcurrentOther: 0 } }],
  ['a limit below 0', { gate: { maxConcurrentAcquisitions: -1 } }],
  ['a webhook that is no URL', { alerts: { webhook: { url: 'the-office' } } }],
])('%s is refused, and the limits stay as they were', async (_name, bad) => {
  const { server, write, lines } = await running({
    providers: { one: fixed('first') },
    gate: { maxConcurrentOther: 8 },
  })
  const before = server.tokens.gateUsage().limits
  await write({ providers: { one: fixed('new') }, gate: { maxConcurrentOther: 4 }, ...bad })
  expect(await server.reload()).toBe(false)
  expect(server.tokens.gateUsage().limits).toEqual(before)
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1)
})

test('accounts are fixed while running, which is said', async () => {
  const { server, write, lines } = await running({ providers: { one: fixed('first') } })
  await write({ providers: { one: fixed('first') }, accounts: { lockoutBudget: { tries: 1 } } })
  expect(await server.reload()).toBe(true)
  expect(lines).toContainEqual({ level: 'warn', message: 'Takes effect after a restart only: accounts' })
})
