import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { sqlite } from '../../src/tokens/stores/sqlite.ts'
import { begin, execute, login, scene } from './scene.ts'

const password = 'some password'
type Sealed = Record<'site' | 'account' | 'credential_id' | 'sealed_password', string>
const keyOf = (byte: number) => Buffer.alloc(32, byte).toString('base64')

test('a key file is made beside it, readable by its owner alone, and shared with the token store of that folder', async () => {
  const { accounts, folder } = scene()
  await accounts.open()
  const keyFile = join(folder, 'tokens.key')
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'accounts.db')).mode & 0o777).toBe(0o600)
  const store = sqlite({ path: join(folder, 'tokens.db') })
  onTestFinished(() => store.close())
  await store.open?.()
  const [mine, its] = ['accounts.db', 'tokens.db'].map(file =>
    execute(join(folder, file), `select key_id from ${file === 'tokens.db' ? 'token' : 'account'}_seal_checks`),
  )
  expect(mine).toEqual(its)
})

test('without a fitting key there is no start, and nothing is changed', async () => {
  const { accounts, open, path } = scene({ encryptionKeys: keyOf(1) })
  await accounts.add('court', 'zhang', { password })
  const before = execute(path, 'select * from accounts')
  const wrong = open({ encryptionKeys: [keyOf(2), keyOf(3)] })
  await expect(wrong.open()).rejects.toMatchObject({ code: 'store_unreadable', message: /Give the key it was sealed/ })
  await expect(wrong.add('court', 'li', { password })).rejects.toMatchObject({ code: 'store_unreadable' })
  expect(wrong.problems()).toEqual([expect.stringContaining('is sealed with the key')])
  expect(execute(path, 'select * from accounts')).toEqual(before)
  expect(await open().credentials('court', 'zhang')).toMatchObject({ password })
})

test('a lost key file is not replaced by a new one', async () => {
  const { accounts, open, folder } = scene()
  await accounts.add('court', 'zhang', { password })
  const keyFile = join(folder, 'tokens.key')
  rmSync(keyFile)
  await expect(open().open()).rejects.toMatchObject({ code: 'store_unreadable', message: /Put it back/ })
  expect(existsSync(keyFile)).toBe(false)
})

test('the key is changed by re-sealing: afterwards the former one is not needed, nor enough', async () => {
  const { accounts, open } = scene({ encryptionKeys: keyOf(1) })
  for (const account of ['zhang', 'li']) await accounts.add('court', account, { password: `password of ${account}` })
  const both = open({ encryptionKeys: [keyOf(2), keyOf(1)] })
  expect(await both.credentials('court', 'li')).toMatchObject({ password: 'password of li' })
  expect(await both.reseal()).toBe(2)
  expect(await both.reseal()).toBe(0)
  const fresh = open({ encryptionKeys: keyOf(2) })
  expect(await fresh.credentials('court', 'zhang')).toMatchObject({ password: 'password of zhang' })
  await expect(open({ encryptionKeys: keyOf(1) }).open()).rejects.toMatchObject({ code: 'store_unreadable' })
})

test('re-sealing keeps the credential: its bar and its budget stay', async () => {
  const { accounts, open } = scene({ encryptionKeys: keyOf(1) })
  await accounts.add('court', 'zhang', { password })
  await login(accounts, 'court', 'zhang', 'credential_error')
  const before = await accounts.get('court', 'zhang')
  const both = open({ encryptionKeys: [keyOf(2), keyOf(1)] })
  await both.reseal()
  expect(await both.get('court', 'zhang')).toEqual(before)
})

test('a sealed password that was moved to another account is not opened, and health says so', async () => {
  const { accounts, path, open } = scene()
  await accounts.add('court', 'zhang', { password })
  await accounts.add('court', 'li', { password: 'another' })
  execute(path, "update accounts set sealed_password = (select sealed_password from accounts where account = 'zhang')")
  const again = open()
  await expect(again.credentials('court', 'li')).rejects.toMatchObject({ code: 'store_unreadable' })
  expect(await again.credentials('court', 'zhang')).toMatchObject({ password })
  expect(again.problems()).toEqual([expect.stringContaining('password of the account "li"')])
  expect(await again.list()).toHaveLength(2)
  await again.update('court', 'li', { password: 'entered anew' })
  expect(again.problems()).toEqual([])
  expect(await again.credentials('court', 'li')).toMatchObject({ password: 'entered anew' })
})

test.each([
  ['of the same site', ['court', 'zhang'], ['court', 'li']],
  ['of the same name at another site', ['court', 'zhang'], ['bank', 'zhang']],
] as const)('nor one that was exchanged, with all that names it, with that of an account %s', async (_, one, other) => {
  const { accounts, path, open } = scene()
  for (const [site, account] of [one, other]) await accounts.add(site, account, { password: `of ${site} ${account}` })
  const rows = execute(path, 'select site, account, credential_id, sealed_password from accounts') as Sealed[]
  execute(path, "update accounts set credential_id = 'free' || credential_id")
  for (const [n, { site, account }] of rows.entries()) {
    const { credential_id, sealed_password } = rows[1 - n]!
    const set = `credential_id = '${credential_id}', sealed_password = '${sealed_password}'`
    execute(path, `update accounts set ${set} where site = '${site}' and account = '${account}'`)
  }
  for (const [site, account] of [one, other])
    await expect(open().credentials(site, account)).rejects.toMatchObject({ code: 'store_unreadable' })
})

test('nor a former one that was put back', async () => {
  const { accounts, path, open } = scene()
  await accounts.add('court', 'zhang', { password: 'former' })
  const [former] = execute(path, 'select * from accounts') as Sealed[]
  await accounts.update('court', 'zhang', { password: 'present' })
  execute(path, `update accounts set sealed_password = '${former!.sealed_password}'`)
  await expect(open().credentials('court', 'zhang')).rejects.toMatchObject({ code: 'store_unreadable' })
})

test('a file that is removed while it is in use is made anew, sealed with a key that the next start finds', async () => {
  const { accounts, folder, path, open } = scene({ clock: createSystemClock() })
  await accounts.add('court', 'zhang', { password })
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
  rmSync(join(folder, 'tokens.key'))
  await expect.poll(() => accounts.list(), { timeout: 20_000, interval: 100 }).toEqual([])
  await accounts.add('court', 'zhang', { password: 'after the loss' })
  expect(await open().credentials('court', 'zhang')).toMatchObject({ password: 'after the loss' })
})

test('a file of a newer version is not touched', async () => {
  const { accounts, path, open } = scene()
  await accounts.open()
  execute(path, "insert into hotwell_migrations (name) values ('009-accounts-future')")
  await expect(open().open()).rejects.toMatchObject({ code: 'store_unreadable', message: /newer version/ })
})

test('while others lock the file a login waits and the thread does not; what it needs is refused if it takes too long', async () => {
  const { accounts, path } = scene()
  await accounts.add('court', 'zhang', { password })
  const credentials = (await accounts.credentials('court', 'zhang'))!
  const other = new DatabaseSync(path)
  onTestFinished(() => other.close())
  other.exec('begin immediate')
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  const reserving = accounts.reserve('court', credentials)
  await expect.poll(() => turns).toBeGreaterThan(10)
  other.exec('rollback')
  clearInterval(timer)
  expect(await reserving).toHaveProperty('id')
  other.exec('begin immediate')
  await expect(accounts.reserve('court', credentials)).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(accounts.problems()).toEqual([expect.stringContaining('locked by another process')])
  other.exec('rollback')
  await begin(accounts, 'court', 'zhang')
  expect(accounts.problems()).toEqual([])
})

test('closing twice is safe, and afterwards everything is refused', async () => {
  const { accounts } = scene()
  await accounts.add('court', 'zhang', { password })
  await Promise.all([accounts.close(), accounts.close()])
  await expect(accounts.list()).rejects.toMatchObject({ code: 'closed' })
  await expect(accounts.credentials('court', 'zhang')).rejects.toMatchObject({ code: 'closed' })
})
