import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { loadConfig } from '../src/config/load-config.ts'
import { keyFilePath, writeKeyFile } from '../src/keys/key-file.ts'
import { rehearse } from '../src/rehearse.ts'
import { start, temporaryFolder } from './start.ts'

const sqlite = (options: object) => ({ store: { use: 'hotwell/stores/sqlite', ...options } })
const st = { use: 'hotwell/providers/static', tokens: { client: 'a' } }
const sealingKey = Buffer.alloc(32, 7).toString('base64')

async function rehearsed(content: object) {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify(content))
  const loaded = await loadConfig({ cwd, environment: {} })
  return { cwd, rehearsal: rehearse(loaded, { dataDir: join(cwd, 'data'), environment: {} }) }
}

test.each<[object, RegExp]>([
  [sqlite({ encryptionKeys: ['too-short'] }), /store\.encryptionKeys: it has \d bytes, not 32, in base64/],
  [sqlite({ encryptionKeys: [sealingKey, '!'] }), /store\.encryptionKeys: key 2 is not base64/],
  [sqlite({ encryptonKeys: [] }), /store\.encryptonKeys: there is no such field; did you mean encryptionKeys\?/],
  [sqlite({ path: '' }), /store\.path: /],
  [sqlite({ path: ':memory:' }), /needs a file/],
  [{ store: { use: 'hotwell/stores/rediss' } }, /store: the module "hotwell\/stores\/rediss" was not found/],
  [{ providers: { st }, manifest: ['st/tenant/x'] }, /manifest\[0\]: .*issues no "tenant" tokens/],
  [{ providers: { st }, manifest: ['st/client', 'st/client?scope=a'] }, /manifest\[1\]: /],
  [{ host: '0.0.0.0' }, /host: without API keys only loopback is served/],
])('config check refuses %j in words, and so does the server', async (content, message) => {
  const { rehearsal } = await rehearsed(content)
  await expect(rehearsal).rejects.toThrow(message)
  await expect(rehearsal).rejects.toMatchObject({ code: 'invalid_configuration' })
  await expect(rehearsal).rejects.not.toThrow(/too-short/)
  await expect(start(content)).rejects.toMatchObject({ code: 'invalid_configuration' })
})

test('config check makes no file, and asks nobody for a token', async () => {
  const content = { providers: { st }, manifest: ['st/client'], ...sqlite({ encryptionKeys: sealingKey }) }
  const { cwd, rehearsal } = await rehearsed(content)
  expect(await rehearsal).toMatchObject({ manifest: ['st/client'] })
  expect(await readdir(cwd)).toEqual(['hotwell.config.json'])

  let asked = 0
  const acquire = async () => ({ value: String(asked++), expiresInSeconds: 60 })
  const own = custom({ kinds: ['client'], acquire })
  const { config, folder } = await loadConfig({ cwd, environment: {} })
  const loaded = { config: { ...config, providers: { own }, manifest: ['own/client'] }, folder }
  await rehearse(loaded, { dataDir: cwd, environment: {} })
  expect(asked).toBe(0)
})

test('keys of the data folder count for another address than loopback', async () => {
  const { cwd, rehearsal } = await rehearsed({ host: '0.0.0.0' })
  await expect(rehearsal).rejects.toThrow(/host: /)
  await writeKeyFile(keyFilePath(cwd), [{ name: 'a', sha256: 'a'.repeat(64), refs: ['*'], actions: ['read'] }])
  const loaded = await loadConfig({ cwd, environment: {} })
  await expect(rehearse(loaded, { dataDir: cwd, environment: {} })).resolves.toBeDefined()
})
