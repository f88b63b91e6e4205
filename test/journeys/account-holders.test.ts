import type { LoginSite } from '@hotwell/sandbox'
import { isHotwellError } from 'hotwell'
import { type BrowserLogin, siteLogin } from 'hotwell/providers/site-login'
import { sqlite } from 'hotwell/stores/sqlite'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { type Ending, temporaryFolder, until } from './scene.ts'

const names = ['zhang', 'li', 'wang']
const second = 1000
/** Longer than a test; the site answers no more. */
const neverMs = 600_000
/** Real time for the site to hang while the fake clock passes every deadline. */
const lateMs = 2500

/** A login that heeds no abort, as a browser's: it waits for the site's answer, however late. */
function browserLogin(site: LoginSite) {
  const state = { running: 0, atOnce: 0 }
  const login: BrowserLogin = async ({ credentials: { username, password } }) => {
    state.atOnce = Math.max(state.atOnce, ++state.running)
    try {
      const answer = await fetch(`${site.url}/api/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password }),
      })
      const { token, expiresIn } = (await answer.json()) as { token: string; expiresIn: number }
      return { value: token, expiresInSeconds: expiresIn }
    } finally {
      state.running--
    }
  }
  return { login, state }
}

async function scene(ending: Ending, { latencyMs, gate = {} }: { latencyMs: number; gate?: object }) {
  const clock = new FakeClock()
  const folder = await temporaryFolder(ending)
  const site = await loginSite(ending, { accounts: withPasswords(names), latencyMs, now: () => clock.now() })
  const accounts = await accountsIn(ending, { clock })
  for (const name of names) await accounts.add('court', name, { password: passwordOf(name) })
  const { login, state } = browserLogin(site)
  const begin = () =>
    court(ending, {
      providers: { court: siteLogin({ baseUrl: site.url, login, loginTimeoutSeconds: 600 }) },
      store: sqlite({ path: `${folder}/tokens.db`, clock }),
      accounts,
      clock,
      gate: { acquisitionTimeoutSeconds: 30, quarantineSeconds: 60, maxConcurrentPerSite: 1, ...gate },
    })
  const tokens = begin()
  // The site first, so that no login is left to wait for; closing takes time, and that of the fake clock.
  ending.onTestFinished(async () => {
    await site.close()
    await inTime(clock, answerOf(tokens.close().then(() => 'closed')))
  })
  const handleOf = (name: string) => tokens.token(`court/account/${name}` as never)
  const any = tokens.token('court/account' as never)
  /** Somebody asks for a token of zhang's; the site does not answer. */
  async function hang() {
    const answer = answerOf(handleOf('zhang').get())
    await until('the login to arrive', () => site.account('zhang').running === 1)
    return answer
  }
  return { clock, site, accounts, begin, tokens, handleOf, any, state, hang }
}

/** Its answer, or the code of its failure; a function, because it may take long. */
function answerOf(work: Promise<string>): () => Promise<string> {
  const answer = work.catch(error => (isHotwellError(error) ? error.code : String(error)))
  return () => answer
}

/** Lets time pass until it is there. */
async function inTime(clock: FakeClock, answer: () => Promise<string>): Promise<string> {
  let told: string | undefined
  void answer().then(text => (told = text))
  return until('an answer', () => {
    void clock.advance(second)
    return told
  })
}

test('a holder that never returns gives back the site at its deadline', async context => {
  const { clock, site, tokens, handleOf, hang } = await scene(context, { latencyMs: neverMs })
  const first = await hang()
  site.latencyMs = 0
  const other = answerOf(handleOf('li').get())
  await clock.advance(29 * second)
  expect(site.account('li').attempts, 'one at once at this site').toBe(0)
  expect(await inTime(clock, first)).toBe('timeout')
  expect(await inTime(clock, other), 'the site is free').toMatch(/^[0-9a-f]+$/)
  expect(tokens.gateUsage()).toMatchObject({ running: 0, reclaimed: 1, accounts: { quarantined: 1 } })
})

test('its account is taken until the quarantine is over, then cools down: whoever takes any account gets another', async context => {
  const { clock, site, accounts, tokens, any, hang } = await scene(context, { latencyMs: neverMs })
  const first = await hang()
  site.latencyMs = 0
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  const endsAt = clock.now() + 89 * second
  let [refreshed, quarantined] = [0, 0]
  for (; clock.now() < endsAt - 5 * second; refreshed++) {
    const answer = await inTime(clock, answerOf(any.refresh().then(({ ref }) => ref)))
    expect(answer).toMatch(/li$|wang$/)
    if (tokens.gateUsage().accounts.quarantined === 1) quarantined++
    else expect((await accounts.get('court', 'zhang')).state).toBe('cooling')
  }
  expect(quarantined).toBeGreaterThan(0)
  expect(refreshed).toBeGreaterThan(quarantined)
  expect(tokens.gateUsage()).toMatchObject({ running: 0, accounts: { quarantined: 0 }, holders: [] })
  expect(site.account('zhang')).toMatchObject({ attempts: 1, running: 1, mostAtOnce: 1 })
})

test('while it hangs nobody logs in with its account, however they ask', async context => {
  const { clock, site, handleOf, hang, state } = await scene(context, { latencyMs: neverMs })
  const first = await hang()
  site.latencyMs = 0
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  const others = [handleOf('zhang').refresh(), handleOf('zhang').get(), handleOf('zhang').refresh()]
  for (const other of others) other.catch(() => {})
  await clock.advance(25 * second)
  expect(site.account('zhang')).toMatchObject({ attempts: 1, mostAtOnce: 1 })
  expect(state.atOnce).toBe(1)
})

test('control: without the quarantine the site sees two logins of one account at once', async context => {
  const gate = { quarantineSeconds: 0.001 }
  const { clock, site, handleOf, hang } = await scene(context, { latencyMs: neverMs, gate })
  const first = await hang()
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  handleOf('zhang')
    .refresh()
    .catch(() => {})
  await until('a second login', () => {
    void clock.advance(second)
    return site.account('zhang').mostAtOnce === 2
  })
})

test('a holder that returns late with a success: its token is kept, also for other processes, and nobody logs in again', async context => {
  const { clock, site, begin, tokens, handleOf, any, hang } = await scene(context, { latencyMs: lateMs })
  const handle = handleOf('zhang')
  const first = await hang()
  site.latencyMs = 0
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  expect(handle.peek()).toBeUndefined()
  expect(site.account('zhang').running, 'the site has not answered yet').toBe(1)
  const token = await until('the late token', () => handle.peek())
  expect(await handle.get()).toBe(token)
  expect(await any.getDetails()).toMatchObject({ ref: 'court/account/zhang', value: token })
  const other = begin()
  expect((await other.token('court/account' as never).getDetails()).value).toBe(token)
  await other.close()
  expect(names.map(name => site.account(name).attempts)).toEqual([1, 0, 0])
  expect(site.account('zhang')).toMatchObject({ logins: 1, sessions: 1, mostAtOnce: 1 })
  expect(tokens.gateUsage()).toMatchObject({ running: 0, accounts: { quarantined: 0 }, holders: [] })
})

test('who waits behind a login that is late gets its token, without another login: here and in other processes', async context => {
  const { clock, site, begin, handleOf, hang } = await scene(context, { latencyMs: lateMs })
  const first = await hang()
  site.latencyMs = 0
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  const other = begin()
  const waiting = [answerOf(handleOf('zhang').get()), answerOf(other.token('court/account/zhang' as never).get())]
  await clock.advance(20 * second)
  expect(site.account('zhang').running, 'the site has not answered yet').toBe(1)
  const token = await until('the late token', () => handleOf('zhang').peek())
  for (const answer of waiting) expect(await inTime(clock, answer)).toBe(token)
  await inTime(clock, answerOf(other.close().then(() => 'closed')))
  expect(site.account('zhang')).toMatchObject({ attempts: 1, mostAtOnce: 1 })
})

test('other processes, too, begin no login while one hangs, and one after its quarantine', async context => {
  const { clock, site, begin, hang, state } = await scene(context, { latencyMs: neverMs })
  const first = await hang()
  site.latencyMs = 0
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  const other = begin()
  const waiting = answerOf(other.token('court/account/zhang' as never).get())
  await clock.advance(55 * second)
  expect(site.account('zhang')).toMatchObject({ attempts: 1, mostAtOnce: 1 })
  expect(state.atOnce).toBe(1)
  expect(await inTime(clock, waiting)).toMatch(/^[0-9a-f]+$/)
  expect(site.account('zhang').attempts).toBe(2)
})
