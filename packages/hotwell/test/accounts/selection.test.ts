import { expect, test } from 'vitest'
import type { Accounts } from '../../src/accounts/accounts.ts'
import { begin, dayMs, hourMs, login, minuteMs, scene } from './scene.ts'

const password = 'some password'

async function court(...names: string[]) {
  const it = scene()
  for (const name of names) await it.accounts.add('court', name, { password })
  const order = async (preferred?: string) =>
    (await it.accounts.candidates('court', { preferred })).map(({ account }) => account)
  return { ...it, order }
}

async function repeat(accounts: Accounts, account: string, successes: number): Promise<void> {
  for (let n = 0; n < successes; n++) await login(accounts, 'court', account, 'success')
}

test('a site without accounts has no candidates, and another one is not told from it', async () => {
  const { accounts, order } = await court()
  expect(await accounts.has('court')).toBe(false)
  expect(await order()).toEqual([])
  await accounts.add('elsewhere', 'zhang', { password })
  expect(await accounts.has('court')).toBe(false)
  expect(await accounts.has('elsewhere')).toBe(true)
  expect(await accounts.credentials('court', 'zhang')).toBeUndefined()
})

test('the best score comes first: the last success counts by the hour, then how many, then the rate', async () => {
  const { accounts, clock, order } = await court('old', 'recent', 'fresh', 'bad')
  await repeat(accounts, 'old', 3)
  await clock.advance(10 * hourMs)
  await repeat(accounts, 'recent', 1)
  await login(accounts, 'court', 'bad', 'failed')
  expect(await order()).toEqual(['recent', 'old', 'fresh', 'bad'])
  const [recent, old, fresh, bad] = await accounts.candidates('court')
  expect(recent!.score).toBe(100 + 1 + 20)
  expect(old!.score).toBe(90 + 3 + 20)
  expect(fresh!.score).toBe(10)
  expect(bad!.score).toBe(0)
})

test('the preferred account comes first, unless it is barred or has no try left', async () => {
  const { accounts, order } = await court('good', 'wanted')
  await repeat(accounts, 'good', 5)
  expect(await order('wanted')).toEqual(['wanted', 'good'])
  expect(await order('nobody')).toEqual(['good', 'wanted'])
  await begin(accounts, 'court', 'wanted')
  await begin(accounts, 'court', 'wanted')
  expect(await order('wanted')).toEqual(['good', 'wanted'])
  await accounts.bar('court', 'wanted')
  expect(await order('wanted')).toEqual(['good'])
})

test('an account whose budget is spent stands behind, and says from when it may be used', async () => {
  const { accounts, clock } = await court('spent', 'fresh')
  await repeat(accounts, 'spent', 5)
  const firstAt = clock.now()
  await begin(accounts, 'court', 'spent')
  await begin(accounts, 'court', 'spent')
  const candidates = await accounts.candidates('court')
  expect(candidates.map(({ account }) => account)).toEqual(['fresh', 'spent'])
  expect(candidates[1]).toMatchObject({ coolingUntil: firstAt + dayMs })
  await clock.advance(dayMs)
  expect((await accounts.candidates('court'))[0]).toEqual({ account: 'spent', score: 76 + 5 + 20 })
})

test('one that only a person can free still says an instant that programs can reckon with', async () => {
  const { accounts, clock } = await court('zhang')
  for (let crash = 0; crash < 4; crash++) {
    await begin(accounts, 'court', 'zhang')
    await clock.advance(dayMs)
  }
  const [zhang] = await accounts.candidates('court')
  expect(zhang!.coolingUntil).toBe(clock.now() + dayMs)
})

test('of equal accounts the one that was used longest ago comes first', async () => {
  const { accounts, clock, order } = await court('a', 'b', 'c')
  expect(await order()).toEqual(['a', 'b', 'c'])
  for (const account of ['b', 'a']) {
    await clock.advance(1)
    const reservation = await begin(accounts, 'court', account)
    await accounts.settle('court', account, reservation, 'success')
    await accounts.update('court', account, { password: `new password of ${account}` })
  }
  await clock.advance(200 * hourMs)
  await accounts.remove('court', 'c')
  expect(await order()).toEqual(['b', 'a'])
})

test.each(['captcha_error', 'network_error', 'failed'] as const)(
  'an account cools down after %s, from 30 s doubling to 15 min, is never barred, and recovers with a success',
  async outcome => {
    const { accounts, clock } = await court('zhang')
    await login(accounts, 'court', 'zhang', 'success')
    for (const seconds of [30, 60, 120, 240, 480, 900, 900]) {
      await login(accounts, 'court', 'zhang', outcome)
      const coolingUntil = clock.now() + seconds * 1000
      expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'cooling', coolingUntil })
      expect(await accounts.candidates('court')).toMatchObject([{ account: 'zhang', coolingUntil }])
      await clock.advance(seconds * 1000)
      expect((await accounts.candidates('court'))[0]).not.toHaveProperty('coolingUntil')
    }
    expect(await accounts.blacklist()).toEqual([])
    await login(accounts, 'court', 'zhang', 'success')
    await login(accounts, 'court', 'zhang', outcome)
    expect(await accounts.get('court', 'zhang')).toMatchObject({ coolingUntil: clock.now() + 30_000 })
  },
)

test('the retries of one login are one reason to cool down', async () => {
  const { accounts, clock } = await court('zhang')
  for (let retry = 0; retry < 4; retry++) {
    await login(accounts, 'court', 'zhang', 'captcha_error')
    await clock.advance(2000)
  }
  expect(await accounts.get('court', 'zhang')).toMatchObject({ coolingUntil: clock.now() - 2000 + 30_000 })
})

test('a login that an abort did not end, and a new credential, begin and end a cool-down', async () => {
  const { accounts, clock } = await court('zhang', 'li')
  expect((await accounts.candidates('court')).map(({ coolingUntil }) => coolingUntil)).toEqual([undefined, undefined])
  accounts.coolDown('court', 'zhang')
  accounts.coolDown('court', 'li')
  const coolingUntil = clock.now() + 30_000
  expect(await accounts.candidates('court')).toMatchObject([{ coolingUntil }, { coolingUntil }])
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'cooling', coolingUntil: clock.now() + 30_000 })
  expect(await accounts.update('court', 'zhang', { password: 'new' })).toMatchObject({ state: 'available' })
  expect(await accounts.get('court', 'li')).toMatchObject({ state: 'cooling' })
  await clock.advance(minuteMs)
  expect(await accounts.get('court', 'li')).toMatchObject({ state: 'available' })
})

test('a wall clock that is set back does not lengthen a cool-down', async () => {
  const { accounts, clock } = await court('zhang')
  accounts.coolDown('court', 'zhang')
  await accounts.candidates('court')
  clock.jumpWall(-dayMs)
  expect(await accounts.candidates('court')).toMatchObject([{ coolingUntil: clock.now() + 30_000 }])
  await clock.advance(30_000)
  expect((await accounts.candidates('court'))[0]).not.toHaveProperty('coolingUntil')
})
