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
