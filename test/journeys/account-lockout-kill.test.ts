import { expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { loginSite, passwordOf, withPasswords } from './court.ts'
import { type Ending, mortal, pause, temporaryFolder, until } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const kills = process.env.HOTWELL_TEST_SCALE === 'long' ? 60 : 7

interface Plan {
  password: string
  /** The site changes the password when a third of the kills are over. */
  changes?: boolean
  /** Whether what was spent is still known after a kill. */
  durable?: boolean
}

/** A process that logs in as often as it may, killed at random times and in the middle of logins, started again. */
async function killedOverAndOver(ending: Ending, { password, changes = false, durable = true }: Plan) {
  const site = await loginSite(ending, { accounts: withPasswords(['zhang']), latencyMs: 30 })
  const folder = await temporaryFolder(ending)
  const random = seededRandom(3)
  const account = () => site.account('zhang')
  let inTheMiddle = 0
  // The control ends with the lock-out.
  for (let kill = 0; kill < (durable ? kills : 30) && !account().lockedOut; kill++) {
    const isRight = changes && kill < kills / 3
    if (changes && !isRight) site.setPassword('zhang', 'another one')
    const path = `${folder}/accounts${durable ? '' : kill}.db`
    const { logins } = account()
    // A window so short that it is over by the next start: only the number sent in all is a bound then.
    const child = mortal(ending, startProgram('login-loop', { path, url: site.url, password, windowSeconds: 0.1 }))
    await child.told('ready')
    // A password that is right is used, so that it is known to be right.
    if (isRight) await until('logins', () => account().logins > logins + 1)
    await within(account().badPasswords < 2 ? 3000 : 100 + random() * 200, () => account().running > 0)
    await pause(random() * 15)
    if (account().running > 0) inTheMiddle++
    await child.kill()
  }
  // Whatever was sent is judged.
  await pause(100)
  return { inTheMiddle, ...account() }
}

async function within(ms: number, happens: () => boolean): Promise<void> {
  for (const endsAt = Date.now() + ms; Date.now() < endsAt && !happens(); ) await pause(2)
}

test('a process with a wrong password, killed in the middle of logins over and over, never gets the account locked', async context => {
  const found = await killedOverAndOver(context, { password: 'a wrong one' })
  expect(found.inTheMiddle).toBeGreaterThanOrEqual(2)
  expect(found.badPasswords, 'it did try').toBeGreaterThanOrEqual(2)
  expect(found.mostBadInRow).toBeLessThan(5)
}, 300_000)

test('nor does one whose password was right until the site changed it', async context => {
  const found = await killedOverAndOver(context, { password: passwordOf('zhang'), changes: true })
  expect(found.inTheMiddle).toBeGreaterThanOrEqual(2)
  expect(found.logins, 'it did work').toBeGreaterThanOrEqual(4)
  expect(found.badPasswords).toBeGreaterThanOrEqual(1)
  expect(found.mostBadInRow).toBeLessThan(5)
}, 300_000)

test('control: with a budget that does not outlive the process, the account is locked', async context => {
  const { lockedOut } = await killedOverAndOver(context, { password: 'a wrong one', durable: false })
  expect(lockedOut).toBe(true)
}, 300_000)
