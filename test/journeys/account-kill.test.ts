import { DatabaseSync } from 'node:sqlite'
import type { LoginSite } from '@hotwell/sandbox'
import { createHistory, type HistoryOptions } from 'hotwell/history'
import { sqlite } from 'hotwell/stores/sqlite'
import { expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import { type Ending, mortal, pause, temporaryFolder, until } from './scene.ts'

const kills = process.env.HOTWELL_TEST_SCALE === 'long' ? 20 : 2
const good = Array.from({ length: 18 }, (_, index) => `good${index}`)
const names = ['on-leave', 'wrong', ...good]
/** What the process said of an acquisition that ended, in order. */
interface Finished {
  id: string
  subject: string
  status: string
  at: number
  /** Records that it knew to be written then. */
  written: number
}

interface Scene {
  folder: string
  site: LoginSite
}

/** Twenty accounts: one is barred by hand, one has a wrong password. */
async function scene(ending: Ending): Promise<Scene> {
  const site = await loginSite(ending, { accounts: withPasswords(names), latencyMs: 20 })
  const folder = await temporaryFolder(ending)
  const accounts = await accountsIn(ending, { path: `${folder}/accounts.db` })
  for (const name of names)
    await accounts.add('court', name, { password: name === 'wrong' ? 'a wrong one' : passwordOf(name) })
  await accounts.bar('court', 'on-leave', { reason: 'on leave' })
  await accounts.close()
  return { folder, site }
}

/**
 * A process logs in with all accounts until each good one has succeeded twice, and it has told enough; then it is
 * killed. What it said, and how many claims it left behind.
 */
async function killedUnderLoad(
  ending: Ending,
  { folder, site }: Scene,
  { flush = {}, enough }: { flush?: Partial<HistoryOptions>; enough: (finished: readonly Finished[]) => boolean },
) {
  const child = mortal(ending, startProgram('court-load', { folder, url: site.url, names, flush }))
  const finished = () => child.messages.flatMap(({ finished: one }) => (one as Finished | undefined) ?? [])
  await until(
    'all accounts to log in',
    () => {
      const successes = Map.groupBy(finished(), ({ subject, status }) => `${subject} ${status}`)
      return enough(finished()) && good.every(name => (successes.get(`${name} success`)?.length ?? 0) >= 2)
    },
    60_000,
  )
  await pause(Math.random() * 300)
  await child.kill()
  const [{ held }] = read(`${folder}/tokens.db`, 'select count(*) as held from token_records where holder is not null')
  return { finished: finished(), held: held as number }
}

function read(path: string, query: string): [Record<string, unknown>, ...Record<string, unknown>[]] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database.prepare(query).all() as [Record<string, unknown>]
  } finally {
    database.close()
  }
}

/** Those of the finished ones that history does not have. */
function lostBy(folder: string, finished: readonly Finished[]): Finished[] {
  const kept = new Set(read(`${folder}/hotwell.db`, 'select id from acquisitions').map(({ id }) => id))
  return finished.filter(({ id }) => !kept.has(id))
}

/** How often it learnt that something was written. */
const commitsIn = (finished: readonly Finished[]) => new Set(finished.map(({ written }) => written)).size - 1

/**
 * Those that may not be lost: the batch in flight when a record came was written since, and so was the next one, which
 * took all that had come until then.
 */
const oldOnes = (lost: readonly Finished[], finished: readonly Finished[]) =>
  lost.filter(record => commitsIn(finished.slice(finished.indexOf(record))) >= 2)

test.concurrent('killed under load, again and again: history loses only what came last, no account stays taken, bars are kept', async context => {
  const made = await scene(context)
  const { folder, site } = made
  let everHeld = 0
  for (let kill = 0; kill < kills; kill++) {
    const { finished, held } = await killedUnderLoad(context, made, { enough: told => commitsIn(told) >= 3 })
    everHeld += held
    const lost = lostBy(folder, finished)
    expect(lost, 'nothing is missing before something that is there').toEqual(
      finished.slice(finished.length - lost.length),
    )
    expect(finished.length - lost.length).toBeGreaterThanOrEqual(finished.at(-1)!.written)
    expect(oldOnes(lost, finished)).toEqual([])
  }
  expect(everHeld, 'it was in the middle of something').toBeGreaterThan(0)

  const accounts = await accountsIn(context, { path: `${folder}/accounts.db` })
  const store = sqlite({ path: `${folder}/tokens.db` })
  const tokens = court(context, { providers: { court: jsonLogin(site) }, store, accounts })
  const before = good.map(name => site.account(name).logins)
  const works = good.map(name => tokens.token(`court/account/${name}` as never).refresh())
  const late = pause(20_000).then(() => 'late')
  expect(await Promise.race([Promise.all(works).then(() => 'all have logged in'), late])).toBe('all have logged in')
  expect(good.filter((name, index) => site.account(name).logins === before[index])).toEqual([])
  expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0, holders: [] })

  expect((await accounts.get('court', 'on-leave')).bar).toMatchObject({ cause: 'manual', reason: 'on leave' })
  expect((await accounts.get('court', 'wrong')).bar).toMatchObject({ cause: 'credential' })
  expect(site.account('on-leave').attempts).toBe(0)
  expect(site.account('wrong').attempts, 'tried by the first process, by none of the others').toBe(1)
  // Control: without their bars they are tried.
  for (const name of ['on-leave', 'wrong']) {
    await accounts.unbar('court', name)
    await tokens
      .token(`court/account/${name}` as never)
      .refresh()
      .catch(() => {})
  }
  expect([site.account('on-leave').attempts, site.account('wrong').attempts]).toEqual([1, 2])
}, 600_000)

test.concurrent('control: what is seldom flushed is lost, and what is missing is seen', async context => {
  const made = await scene(context)
  const path = `${made.folder}/hotwell.db`
  // Makes the table.
  const history = createHistory({ path })
  await history.purge()
  await history.close()
  const seldom = { flushMs: 600_000, flushRecords: 1_000_000 }
  const { finished } = await killedUnderLoad(context, made, { flush: seldom, enough: ({ length }) => length > 200 })
  expect(lostBy(made.folder, finished)).toEqual(finished)
  expect(commitsIn(finished)).toBe(0)

  const often = await killedUnderLoad(context, made, { enough: told => commitsIn(told) >= 3 })
  const database = new DatabaseSync(path)
  database.prepare('delete from acquisitions where id = ?').run(often.finished[0]!.id)
  database.close()
  expect(oldOnes(lostBy(made.folder, often.finished), often.finished)).toEqual([often.finished[0]])
}, 120_000)
