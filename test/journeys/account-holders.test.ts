import type { LoginSite } from '@hotwell/sandbox'
import { isHotwellError } from 'hotwell'
import { type BrowserLogin, siteLogin } from 'hotwell/providers/site-login'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { type Ending, until } from './scene.ts'

const names = ['zhang', 'li', 'wang']
const second = 1000

/** A login that heeds no abort, as a browser's; it ends when the test says so. */
function stubbornLogin(site: LoginSite) {
  const held: (() => void)[] = []
  const state = { stubborn: true, ended: 0 }
  const login: BrowserLogin = async ({ credentials: { username, password } }) => {
    const answer = fetch(`${site.url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    })
    if (state.stubborn) await new Promise<void>(resolve => held.push(resolve))
    const { token, expiresIn } = (await (await answer).json()) as { token: string; expiresIn: number }
    state.ended++
    return { value: token, expiresInSeconds: expiresIn }
  }
  return { login, state, letGo: () => held.splice(0).forEach(go => void go()) }
}

async function scene(ending: Ending) {
  const clock = new FakeClock()
  const site = await loginSite(ending, { accounts: withPasswords(names), now: () => clock.now() })
  const accounts = await accountsIn(ending, { clock })
  for (const name of names) await accounts.add('court', name, { password: passwordOf(name) })
  const stubborn = stubbornLogin(site)
  const tokens = court(ending, {
    providers: { court: siteLogin({ baseUrl: site.url, login: stubborn.login, loginTimeoutSeconds: 600 } as never) },
    accounts,
    clock,
    gate: { acquisitionTimeoutSeconds: 30, quarantineSeconds: 60, maxConcurrentPerSite: 1 },
  })
  const attempts = () => names.reduce((sum, name) => sum + site.account(name).attempts, 0)
  return { clock, site, accounts, tokens, attempts, ...stubborn }
}

/** Its answer, or the code of its failure. */
const answerOf = (work: Promise<string>): Promise<string> =>
  work.catch(error => (isHotwellError(error) ? error.code : String(error)))

/** Lets time pass until it is there. */
async function inTime(clock: FakeClock, answer: Promise<string>): Promise<string> {
  let told: string | undefined
  void answer.then(text => (told = text))
  return until('an answer', () => {
    void clock.advance(second)
    return told
  })
}

test('a holder that never returns gives back the site at its deadline, its account after the quarantine, and is left alone', async context => {
  const { clock, site, accounts, tokens, state, letGo } = await scene(context)
  context.onTestFinished(letGo)
  const first = answerOf(tokens.token('court/account/zhang' as never).get())
  await until('the login to arrive', () => site.account('zhang').attempts === 1)
  state.stubborn = false
  const other = answerOf(tokens.token('court/account/li' as never).get())
  await clock.advance(29 * second)
  expect(site.account('li').attempts, 'one at once at this site').toBe(0)
  expect(await inTime(clock, first)).toBe('timeout')
  expect(await inTime(clock, other), 'the site is free').toMatch(/./)
  expect(site.account('li')).toMatchObject({ attempts: 1, sessions: 1 })

  expect(tokens.gateUsage()).toMatchObject({ running: 0, reclaimed: 1, accounts: { quarantined: 1 } })
  await tokens.token('court/account' as never).get()
  await clock.advance(61 * second)
  expect(tokens.gateUsage()).toMatchObject({ accounts: { quarantined: 0 }, holders: [] })
  expect((await accounts.get('court', 'zhang')).state).toBe('cooling')
  for (let i = 0; i < 5; i++) await tokens.token('court/account' as never).get()
  expect(site.account('zhang')).toMatchObject({ attempts: 1, mostAtOnce: 1 })
})

test('a holder that returns late with a success: its token is kept, nobody logs in again, nobody ever did at the same time', async context => {
  const { clock, site, tokens, letGo, attempts } = await scene(context)
  const handle = tokens.token('court/account/zhang' as never)
  const first = answerOf(handle.get())
  await until('the login to arrive', () => site.account('zhang').attempts === 1)
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  letGo()
  await until('the late token', () => handle.peek())
  const token = await handle.get()
  expect(await handle.get()).toBe(token)
  expect((await tokens.token('court/account' as never).getDetails()).ref).toBe('court/account/zhang')
  expect(attempts()).toBe(1)
  expect(site.account('zhang')).toMatchObject({ sessions: 1, mostAtOnce: 1 })
  expect(tokens.gateUsage()).toMatchObject({ running: 0, accounts: { quarantined: 0 }, holders: [] })
})

test('while an aborted login still runs, nobody begins another one with its account', async context => {
  const { clock, site, tokens, state, letGo } = await scene(context)
  const handle = tokens.token('court/account/zhang' as never)
  const first = answerOf(handle.get())
  await until('the login to arrive', () => site.account('zhang').attempts === 1)
  await clock.advance(30 * second)
  expect(await inTime(clock, first)).toBe('timeout')
  state.stubborn = false
  const again = answerOf(handle.refresh().then(() => handle.get()))
  for (let i = 0; i < 20; i++) await clock.advance(second)
  expect(site.account('zhang').attempts).toBe(1)
  letGo()
  await until('the first to end', () => state.ended >= 1)
  await inTime(clock, again)
  expect(site.account('zhang').mostAtOnce).toBe(1)
})
