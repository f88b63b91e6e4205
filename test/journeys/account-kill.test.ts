import { DatabaseSync } from 'node:sqlite'
import { createHistory } from 'hotwell/history'
import { sqlite } from 'hotwell/stores/sqlite'
import { expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import { mortal, pause, temporaryFolder } from './scene.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const names = Array.from({ length: 20 }, (_, index) => `account${index}`)
/** A flush begins every second, or every hundred records; the batch that was in flight then is lost with it. */
const mayBeLostMs = 2000

interface Finished {
  id: string
  status: string
  at: number
}

const written = (path: string): Set<string> => {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return new Set((database.prepare('select id from acquisitions').all() as { id: string }[]).map(({ id }) => id))
  } finally {
    database.close()
  }
}

test('a process killed under load: history loses what came last, no account stays taken, bars are kept', async context => {
  const site = await loginSite(context, { accounts: withPasswords(names), latencyMs: 5 })
  const folder = await temporaryFolder(context)
  const accounts = await accountsIn(context, { path: `${folder}/accounts.db` })
  for (const name of names) await accounts.add('court', name, { password: passwordOf(name) })
  await accounts.bar('court', 'account0', { reason: 'on leave' })
  await accounts.close()

  for (let kill = 0; kill < (long ? 20 : 2); kill++) {
    const child = mortal(context, startProgram('court-load', { folder, url: site.url, names }))
    await child.told('ready')
    await pause(2500 + Math.random() * 1000)
    const killedAt = Date.now()
    await child.kill()
    const finished = child.messages.flatMap(({ finished: one }) => (one as Finished | undefined) ?? [])
    expect(finished.length, 'it was under load').toBeGreaterThan(100)
    const kept = written(`${folder}/hotwell.db`)
    const lost = finished.filter(({ id, at }) => !kept.has(id) && at < killedAt - mayBeLostMs)
    expect(lost).toEqual([])
  }
  expect(site.account('account0').attempts, 'barred before the first start, and since').toBe(0)

  const again = await accountsIn(context, { path: `${folder}/accounts.db` })
  expect((await again.get('court', 'account0')).bar).toMatchObject({ cause: 'manual', reason: 'on leave' })
  const before = names.map(name => site.account(name).logins)
  const tokens = court(context, {
    providers: { court: jsonLogin(site) },
    store: sqlite({ path: `${folder}/tokens.db` }),
    history: createHistory({ path: `${folder}/hotwell.db` }),
    accounts: again,
  })
  await Promise.all(names.slice(1).map(name => tokens.token(`court/account/${name}` as never).refresh()))
  const after = names.map(name => site.account(name).logins)
  expect(after.slice(1).every((logins, index) => logins > before[index + 1]!)).toBe(true)
  expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0, holders: [] })
}, 120_000)
