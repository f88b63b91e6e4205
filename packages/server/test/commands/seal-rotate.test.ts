import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer } from '@hotwell/server'
import { createAccounts } from 'hotwell/accounts'
import { custom } from 'hotwell/providers/custom'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../start.ts'
import { runHotwell } from './run-hotwell.ts'

const newKey = () => randomBytes(32).toString('base64')
const password = 'the-password-of-zhang'

async function served(dataDir: string, encryptionKey: string | undefined): Promise<string> {
  const own = custom({
    identity: 'own',
    kinds: ['client'],
    acquire: async () => ({ value: newKey(), expiresInSeconds: 3600 }),
  })
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const environment = encryptionKey === undefined ? {} : { HOTWELL_ENCRYPTION_KEY: encryptionKey }
  const server = await createServer({ config: { port: 0, dataDir, providers: { own } }, environment, logger })
  onTestFinished(() => server.close())
  const token = await server.tokens.token('own/client').get()
  await server.close()
  return token
}

async function accountsOf(dataDir: string, encryptionKeys?: string) {
  const accounts = createAccounts({ path: join(dataDir, 'accounts.db'), encryptionKeys })
  onTestFinished(() => accounts.close())
  await accounts.open()
  return accounts
}

test('after a rotation the new key alone opens the stored tokens and passwords, and the old one no longer starts', async () => {
  const dataDir = await temporaryFolder()
  const token = await served(dataDir, undefined)
  const before = await accountsOf(dataDir)
  await before.add('site', 'zhang', { password })
  await before.close()
  const oldKey = (await readFile(join(dataDir, 'tokens.key'), 'utf8')).trim()
  const key = newKey()
  const environment = { HOTWELL_ENCRYPTION_KEY: `${key},${oldKey}` }
  const rotated = await runHotwell(['seal', 'rotate', '--data', dataDir, '--json'], { environment })
  expect(rotated, rotated.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(rotated.stdout)).toEqual({ resealed: 1, unreadable: 0, accounts: 1 })
  expect(await served(dataDir, key)).toBe(token)
  await expect(served(dataDir, newKey())).rejects.toMatchObject({ code: 'store_unreadable' })
  expect(await served(dataDir, key)).toBe(token)

  const after = await accountsOf(dataDir, key)
  expect(await after.credentials('site', 'zhang')).toMatchObject({ password })
  await expect(accountsOf(dataDir, oldKey)).rejects.toMatchObject({ code: 'store_unreadable' })

  const again = await runHotwell(['seal', 'rotate', '--data', dataDir], { environment })
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('0 tokens and 0 passwords') })
})

test('a rotation takes the keys that the configuration names for the token store, for passwords as well', async () => {
  const cwd = await temporaryFolder()
  const [oldKey, key] = [newKey(), newKey()]
  const dataDir = join(cwd, 'data')
  const before = await accountsOf(dataDir, oldKey)
  await before.add('site', 'zhang', { password })
  await before.close()
  const store = { use: 'hotwell/stores/sqlite', encryptionKeys: [key, oldKey] }
  await writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify({ store }))
  const rotated = await runHotwell(['seal', 'rotate', '--json'], { cwd })
  expect(rotated, rotated.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(rotated.stdout)).toEqual({ resealed: 0, unreadable: 0, accounts: 1 })
  const after = await accountsOf(dataDir, key)
  expect(await after.credentials('site', 'zhang')).toMatchObject({ password })
})
