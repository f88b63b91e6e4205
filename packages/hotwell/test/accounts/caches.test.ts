import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { begin, execute, login, scene, tryToBegin } from './scene.ts'

const password = 'some password'

async function court(options?: Parameters<typeof scene>[0]) {
  const it = scene(options)
  await it.accounts.add('court', 'zhang', { password })
  await it.accounts.add('bank', 'zhang', { password })
  return it
}

test('what was read is used again, and the figures say so', async () => {
  const { accounts, clock } = await court()
  for (let n = 0; n < 4; n++) {
    await accounts.credentials('court', 'zhang')
    await accounts.candidates('court')
    await clock.advance(1000)
  }
  const figures = { size: 1, hits: 3, misses: 1, hitRate: 0.75, evictions: 0 }
  expect(accounts.cacheStats()).toEqual({
    credentials: { ...figures, ttlSeconds: 3600 },
    blacklist: { ...figures, ttlSeconds: 300 },
    statistics: { ...figures, ttlSeconds: 300 },
  })
})

test.each([
  [
    'an hour for credentials, five minutes for bars and statistics',
    {},
    { credentials: 3600, blacklist: 300, statistics: 300 },
  ],
  [
    'as long as configured',
    { credentialsSeconds: 10, blacklistSeconds: 20, statisticsSeconds: 30 },
    { credentials: 10, blacklist: 20, statistics: 30 },
  ],
])('what was read lives %s', async (_, cache, lives) => {
  for (const name of ['credentials', 'blacklist', 'statistics'] as const) {
    const { accounts, clock } = await court({ cache })
    const misses = async () => {
      await Promise.all([accounts.credentials('court', 'zhang'), accounts.candidates('court')])
      return accounts.cacheStats()[name].misses
    }
    expect(await misses()).toBe(1)
    await clock.advance(lives[name] * 1000)
    expect(await misses()).toBe(1)
    await clock.advance(1)
    expect(await misses()).toBe(2)
  }
})

test('with 0 seconds everything is read each time', async () => {
  const { accounts } = await court({ cache: { credentialsSeconds: 0, blacklistSeconds: 0, statisticsSeconds: 0 } })
  for (let n = 0; n < 2; n++) await accounts.candidates('court')
  expect(accounts.cacheStats().statistics).toMatchObject({ size: 0, hits: 0, misses: 2 })
})

test('a change is seen at once by its own instance', async () => {
  const { accounts } = await court()
  const seen = async () => ({
    password: (await accounts.credentials('court', 'zhang'))?.password,
    candidates: (await accounts.candidates('court')).length,
  })
  expect(await seen()).toEqual({ password, candidates: 1 })
  await accounts.update('court', 'zhang', { password: 'new' })
  expect(await seen()).toEqual({ password: 'new', candidates: 1 })
  await accounts.bar('court', 'zhang')
  expect(await seen()).toEqual({ password: 'new', candidates: 0 })
  await accounts.unbar('court', 'zhang')
  expect(await seen()).toEqual({ password: 'new', candidates: 1 })
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect(await seen()).toEqual({ password: 'new', candidates: 0 })
  await accounts.remove('court', 'zhang')
  expect(await seen()).toEqual({ password: undefined, candidates: 0 })
})

test('a change by another process is seen within a second', async () => {
  const { accounts, open, clock } = await court()
  const other = open()
  expect(await accounts.candidates('court')).toHaveLength(1)
  await accounts.credentials('court', 'zhang')
  await other.update('court', 'zhang', { password: 'new' })
  await other.bar('court', 'zhang')
  await clock.advance(1000)
  expect(await accounts.candidates('court')).toEqual([])
  expect(await accounts.credentials('court', 'zhang')).toMatchObject({ password: 'new' })
})

test('whether a password may leave is never read from a cache', async () => {
  const { accounts, open } = await court()
  const other = open()
  expect(await accounts.candidates('court')).toHaveLength(1)
  expect(await accounts.candidates('bank')).toHaveLength(1)
  await other.bar('court', 'zhang')
  await begin(other, 'bank', 'zhang')
  await begin(other, 'bank', 'zhang')
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({ reason: expect.stringContaining('is barred') })
  expect(await tryToBegin(accounts, 'bank', 'zhang')).toMatchObject({ reason: expect.stringContaining('budget') })
})

test('credentials that another process has replaced are refused once, and then read anew', async () => {
  const { accounts, open, clock } = await court()
  await accounts.credentials('court', 'zhang')
  await open().update('court', 'zhang', { password: 'new' })
  const refusal = { reason: expect.stringContaining('a new credential'), retryAt: clock.now() }
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual(refusal)
  expect(await accounts.credentials('court', 'zhang')).toMatchObject({ password: 'new' })
  await begin(accounts, 'court', 'zhang')
})

test('a removal by another process ends its logins as well', async () => {
  const { accounts, open, path } = await court()
  const credentials = (await accounts.credentials('court', 'zhang'))!
  const reservation = await begin(accounts, 'court', 'zhang')
  await open().remove('court', 'zhang')
  expect(await accounts.reserve('court', credentials)).toEqual({ reason: expect.stringContaining('was removed') })
  await accounts.settle('court', 'zhang', reservation, 'credential_error')
  expect(await accounts.blacklist()).toEqual([])
  expect(execute(path, 'select 1 from account_reservations')).toEqual([])
})

test('of a site with thousands the thread is free between the pages, and all who wait get the same answer', async () => {
  const { accounts, path } = await court()
  const columns =
    "site, 'clerk' || value, 'clerk' || value, 'id' || value, key_id, sealed_password, created_at, updated_at"
  const series = 'with recursive series(value) as (select 1 union all select value + 1 from series where value < 5000)'
  execute(
    path,
    `insert into accounts (site, account, username, credential_id, key_id, sealed_password, created_at, updated_at)
     ${series} select ${columns} from series, accounts where site = 'court' and account = 'zhang'`,
  )
  accounts.clearCaches()
  let turns = 0
  const count = () => {
    turns++
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => accounts.candidates('court')))
  clearImmediate(timer)
  expect(first).toHaveLength(5001)
  expect(new Set(first!.map(({ account }) => account)).size).toBe(5001)
  for (const other of others) expect(other).toBe(first)
  expect(turns).toBeGreaterThan(5)
  const listed = await accounts.list({ site: 'court' })
  expect(listed.map(({ account }) => account)).toEqual(listed.map(({ account }) => account).sort())
  expect(listed).toHaveLength(5001)
})

test('after a login its account alone is read again, and whoever asks meanwhile waits for that', async () => {
  const { accounts, clock } = await court()
  await accounts.add('court', 'li', { password })
  await accounts.candidates('court')
  for (let n = 1; n <= 3; n++) {
    await clock.advance(1)
    await login(accounts, 'court', 'li', 'success')
    const asked = await Promise.all([1, 2, 3].map(() => accounts.candidates('court')))
    for (const [best] of asked) expect(best).toEqual({ account: 'li', score: 100 + n + 20 })
  }
  expect(accounts.cacheStats().statistics).toMatchObject({ size: 1, misses: 1 })
})

test('what changes while a site is read is in the next answer', async () => {
  const { accounts } = await court()
  const reading = accounts.candidates('court')
  await accounts.add('court', 'li', { password })
  await reading
  expect(await accounts.candidates('court')).toHaveLength(2)
})

test('after hundreds of changes the whole site is read again', async () => {
  const { accounts } = await court()
  await accounts.candidates('court')
  for (let n = 0; n < 260; n++) await accounts.add('court', `clerk-${n}`, { password })
  expect(await accounts.candidates('court')).toHaveLength(261)
  expect(accounts.cacheStats().statistics.misses).toBe(2)
})

test('clearing drops what was read, of one site or of all, and nothing else', async () => {
  const { accounts } = await court()
  await accounts.bar('bank', 'zhang')
  const read = async () => {
    for (const site of ['court', 'bank']) {
      await accounts.credentials(site, 'zhang')
      await accounts.candidates(site)
    }
  }
  await read()
  const before = await accounts.list()
  expect(accounts.clearCaches('court')).toEqual({ credentials: 1, blacklist: 1, statistics: 1 })
  expect(accounts.clearCaches('court')).toEqual({ credentials: 0, blacklist: 0, statistics: 0 })
  expect(accounts.cacheStats().credentials.size).toBe(1)
  await read()
  expect(accounts.clearCaches()).toEqual({ credentials: 2, blacklist: 2, statistics: 2 })
  expect(await accounts.list()).toEqual(before)
  expect(await accounts.blacklist()).toHaveLength(1)
})

test('while the file cannot be read, what was read goes on being served', async () => {
  const { accounts, clock, path } = await court()
  const before = await accounts.candidates('court')
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
  mkdirSync(path)
  await expect.poll(() => accounts.list().catch(error => error.code), { timeout: 20_000 }).toBe('store_unavailable')
  await clock.advance(1000)
  expect(await accounts.candidates('court')).toEqual(before)
  expect(accounts.problems()).toHaveLength(1)
  const credentials = { account: 'zhang', credentialId: 'any', username: 'zhang', password }
  await expect(accounts.reserve('court', credentials)).rejects.toMatchObject({ code: 'store_unavailable' })
})

test('when another file lies there, what was read of the former one is forgotten', async () => {
  const { accounts, open, path, clock } = await court()
  const spare = open({ path: `${path}.spare` })
  await spare.add('court', 'li', { password: 'other' })
  await spare.close()
  expect(await accounts.candidates('court')).toMatchObject([{ account: 'zhang' }])
  await clock.advance(1000)
  await accounts.credentials('court', 'zhang')
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  renameSync(`${path}.spare`, path)
  // The file itself is looked at by the clock on the wall.
  await expect.poll(async () => (await accounts.list()).length, { timeout: 20_000 }).toBe(1)
  await clock.advance(1000)
  expect(await accounts.candidates('court')).toMatchObject([{ account: 'li' }])
  expect(await accounts.credentials('court', 'zhang')).toBeUndefined()
})

test('tries of a removed account whose process died are cleaned up', async () => {
  const { accounts, path } = await court()
  await begin(accounts, 'court', 'zhang')
  execute(path, "delete from accounts where site = 'court'")
  expect(await accounts.cleanup()).toEqual({ expiredBars: 0, settledReservations: 1 })
})
