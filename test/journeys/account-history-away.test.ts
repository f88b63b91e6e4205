import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createHistory, type History } from 'hotwell/history'
import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import { type Ending, pause, temporaryFolder, until } from './scene.ts'

const seconds = process.env.HOTWELL_TEST_SCALE === 'long' ? 60 : 3
const names = ['zhang', 'li', 'wang']

async function scene(ending: Ending, options: { maxBuffered?: number } = {}) {
  const site = await loginSite(ending, { accounts: withPasswords(names) })
  const accounts = await accountsIn(ending)
  for (const name of names) await accounts.add('court', name, { password: passwordOf(name) })
  const path = join(await temporaryFolder(ending), 'hotwell.db')
  const history = createHistory({ path, flushMs: 50, flushTimeoutMs: 30_000, ...options })
  const tokens = court(ending, { providers: { court: jsonLogin(site) }, accounts, history })
  let recorded = 0
  tokens.on('acquisition.finished', () => recorded++)
  const handles = names.map(name => tokens.token(`court/account/${name}` as never))
  await Promise.all(handles.map(handle => handle.get()))
  await history.flush()
  expect(history).toMatchObject({ written: names.length, buffered: 0, dropped: 0 })

  /** Tokens are got and refreshed for a while; returns how many were served, and that none was refused. */
  async function serve(forSeconds: number): Promise<number> {
    let served = 0
    for (const end = Date.now() + forSeconds * 1000; Date.now() < end; await pause(2)) {
      for (const handle of handles) expect(await handle.get()).toMatch(/./)
      await Promise.all(handles.map(handle => handle.refresh()))
      served += handles.length
      expect(history.written + history.buffered + history.dropped, 'each is somewhere').toBe(recorded)
    }
    return served
  }
  return { path, history, serve, recorded: () => recorded }
}

const isWhole = ({ written, buffered, dropped }: History, recorded: number) =>
  buffered === 0 && dropped === 0 && written === recorded

test('while another process holds the history, tokens are served, records wait, and all are written afterwards', async context => {
  const { path, history, serve, recorded } = await scene(context)
  const other = new DatabaseSync(path)
  other.exec('begin exclusive')
  try {
    expect(await serve(seconds)).toBeGreaterThan(20)
    expect(history.written).toBe(names.length)
    expect(history.buffered).toBe(recorded() - names.length)
    expect(history.problems().join()).toMatch(/locked|busy/i)
  } finally {
    other.exec('rollback')
    other.close()
  }
  await until('all to be written', () => isWhole(history, recorded()), 30_000)
  expect(history.problems()).toEqual([])
}, 120_000)

test('while the history’s file is gone, tokens are served; it is made anew', async context => {
  const { path, history, serve, recorded } = await scene(context)
  for (const suffix of ['', '-wal', '-shm']) await rename(path + suffix, `${path}.away${suffix}`).catch(() => {})
  expect(await serve(seconds)).toBeGreaterThan(20)
  await until('all to be written', () => isWhole(history, recorded()), 30_000)
}, 120_000)

test('when memory for records is full the oldest drop, and the counter says how many', async context => {
  const { path, history, serve, recorded } = await scene(context, { maxBuffered: 10 })
  const other = new DatabaseSync(path)
  other.exec('begin exclusive')
  await serve(1.5)
  expect(history.buffered).toBeLessThanOrEqual(10)
  expect(history.dropped).toBe(recorded() - history.written - history.buffered)
  expect(history.dropped).toBeGreaterThan(0)
  other.exec('rollback')
  other.close()
  await until('the rest to be written', () => history.buffered === 0, 30_000)
  const database = new DatabaseSync(path, { readOnly: true })
  const rows = database.prepare('select count(*) as count from acquisitions').get() as { count: number }
  database.close()
  expect(rows.count).toBe(recorded() - history.dropped)
}, 120_000)
