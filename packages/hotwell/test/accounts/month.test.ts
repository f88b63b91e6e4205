import { expect, test } from 'vitest'
import type { Accounts } from '../../src/accounts/accounts.ts'
import { dayMs, execute, minuteMs, scene } from './scene.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const seeds = long ? [1, 2, 3, 4, 5, 6, 7, 8] : [1]
const stepMs = (long ? 1 : 10) * minuteMs
/** How often a password crashes on its way: before the site has counted it, after that, or gets no answer. */
const often = { crash: 0.4, unknown: 0.2 }
const seldom = { crash: 0.02, unknown: 0.1 }

/** Locks an account after five wrong passwords in a row, and never forgets. */
class Site {
  password = 'right'
  counter = 0
  sent = 0

  take(password: string): boolean {
    this.sent++
    this.counter = password === this.password ? 0 : this.counter + 1
    return this.counter === 0
  }
}

/** So that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

type Scene = ReturnType<typeof scene>

/**
 * 30 days in which a login is forced again and again, whatever was refused before: it crashes before or after the site has
 * counted the password, gets no answer, a captcha, or the site's verdict. `crashed` does what a crash does to the file.
 */
async function month(
  { clock, open }: Scene,
  site: Site,
  { seed = 1, troubles = often, crashed = () => {}, days = 30, jumps = 0 },
) {
  const random = randomFrom(seed)
  let accounts: Accounts = open()
  for (let passedMs = 0; passedMs < days * dayMs; passedMs += stepMs) {
    clock.freeze(stepMs)
    if (random() < jumps) clock.jumpWall((random() - 0.5) * 4 * dayMs)
    const credentials = (await accounts.credentials('court', 'zhang'))!
    const reserved = await accounts.reserve('court', credentials)
    if ('reason' in reserved) continue
    const settle = (outcome: Parameters<Accounts['settle']>[3]) => accounts.settle('court', 'zhang', reserved, outcome)
    if (random() < 0.1) {
      await settle('captcha_error')
      continue
    }
    const trouble = random()
    const crashes = trouble < troubles.crash
    const accepted = !(crashes && random() < 0.2) && site.take(credentials.password)
    if (crashes) {
      crashed()
      accounts = open()
    } else if (trouble < troubles.crash + troubles.unknown) await settle('unknown')
    else await settle(accepted ? 'success' : 'credential_error')
    if (site.counter >= 5) return
  }
}

test.each(seeds)('30 days with a wrong password never lock the account (seed %i)', async seed => {
  const it = scene()
  const site = new Site()
  await it.accounts.add('court', 'zhang', { password: 'wrong' })
  await month(it, site, { seed })
  expect(site.counter).toBeGreaterThan(0)
  expect(site.counter).toBeLessThan(5)
})

test.each(seeds)('nor while the wall clock jumps about by two days (seed %i)', async seed => {
  const it = scene()
  const site = new Site()
  await it.accounts.add('court', 'zhang', { password: 'wrong' })
  await month(it, site, { seed, days: 10, jumps: 0.05 })
  expect(site.counter).toBeGreaterThan(0)
  expect(site.counter).toBeLessThan(5)
})

test('a right password goes on working', async () => {
  const it = scene()
  const site = new Site()
  await it.accounts.add('court', 'zhang', { password: 'right' })
  await month(it, site, { troubles: seldom, days: 3 })
  expect(site.sent).toBeGreaterThan(300)
  expect(await it.accounts.get('court', 'zhang')).not.toMatchObject({ state: 'barred' })
})

test.each(seeds)('control: without the durable budget the account is locked (seed %i)', async seed => {
  const it = scene()
  const site = new Site()
  await it.accounts.add('court', 'zhang', { password: 'wrong' })
  const forget = () => void execute(it.path, 'delete from account_reservations')
  // Nearly always: four tries without a crash in between would stop it.
  await month(it, site, { seed, troubles: { crash: 0.9, unknown: 0.05 }, crashed: forget })
  expect(site.counter).toBe(5)
})
