import { join } from 'node:path'
import { createAccounts } from 'hotwell/accounts'
import { expect, onTestFinished, test } from 'vitest'
import { addDemoAccounts, demoDomain } from '../../src/demo/demo-accounts.ts'
import { temporaryFolder } from '../start.ts'

const demo = (account: string, password: string) => ({ account, username: account + demoDomain, password })

async function accountsIn(path: string) {
  const accounts = createAccounts({ path })
  onTestFinished(() => accounts.close())
  return accounts
}

test('each start has the accounts of its own site, without bars and tries of an earlier one', async () => {
  const path = join(await temporaryFolder(), 'accounts.db')
  await addDemoAccounts({ path }, 'court', [demo('zhang', 'old'), demo('gone', 'old')])
  const earlier = await accountsIn(path)
  await earlier.bar('court', 'zhang', {})
  await earlier.close()
  await addDemoAccounts({ path }, 'court', [demo('zhang', 'new'), demo('li', 'new')])
  const now = await accountsIn(path)
  const listed = await now.list()
  expect(listed.map(({ account, state }) => ({ account, state }))).toEqual([
    { account: 'li', state: 'available' },
    { account: 'zhang', state: 'available' },
  ])
  expect(await now.credentials('court', 'zhang')).toMatchObject({ password: 'new' })
})

test('the demo leaves real accounts alone, of its site by name and of others', async () => {
  const path = join(await temporaryFolder(), 'accounts.db')
  const accounts = await accountsIn(path)
  await accounts.add('elsewhere', 'zhang', { password: 'real' })
  await addDemoAccounts({ path }, 'court', [demo('zhang', 'new')])
  await accounts.add('court', 'li', { username: 'li@real.invalid', password: 'real' })
  await expect(addDemoAccounts({ path }, 'court', [demo('wang', 'new')])).rejects.toThrow(
    /court\/li, which is not the demo's.*--data/,
  )
  expect((await accounts.list()).map(({ site, account }) => `${site}/${account}`).sort()).toEqual([
    'court/li',
    'court/zhang',
    'elsewhere/zhang',
  ])
  expect(await accounts.credentials('court', 'li')).toMatchObject({ password: 'real' })
})
