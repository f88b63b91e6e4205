import { expect, test, vi } from 'vitest'
import { createAccounts } from '../../src/accounts/create-accounts.ts'
import { isHotwellError } from '../../src/core/errors.ts'
import { begin, bytesIn, execute, login, scene } from './scene.ts'

const password = 'correct horse battery staple'

test('an account that was added is there, after a restart as well, and can be logged in with', async () => {
  const { accounts, open, clock } = scene()
  const added = await accounts.add('court', 'zhang', { username: 'zhang@example.com', password })
  expect(added).toEqual({
    site: 'court',
    account: 'zhang',
    username: 'zhang@example.com',
    credentialId: expect.any(String),
    state: 'available',
    score: 10,
    successes: 0,
    failures: 0,
    successRate: 0,
    budget: { tries: 2, spent: 0, windowSeconds: 86_400 },
    createdAt: clock.now(),
    updatedAt: clock.now(),
  })
  await accounts.close()
  const again = open()
  expect(await again.list()).toEqual([added])
  expect(await again.credentials('court', 'zhang')).toEqual({
    account: 'zhang',
    credentialId: added.credentialId,
    username: 'zhang@example.com',
    password,
  })
})

test('the username is the account unless it is given', async () => {
  const { accounts } = scene()
  expect(await accounts.add('court', 'li', { password })).toMatchObject({ username: 'li' })
})

test('the list is in order, and narrowed by site', async () => {
  const { accounts } = scene()
  for (const [site, account] of [
    ['b', 'y'],
    ['a', 'z'],
    ['b', 'x'],
  ] as const)
    await accounts.add(site, account, { password })
  const names = async (site?: string) => (await accounts.list({ site })).map(facts => `${facts.site}/${facts.account}`)
  expect(await names()).toEqual(['a/z', 'b/x', 'b/y'])
  expect(await names('b')).toEqual(['b/x', 'b/y'])
  expect(await names('nowhere')).toEqual([])
})

test('a removed account is gone, and nothing is known of it when it is added again', async () => {
  const { accounts, path } = scene()
  await accounts.add('court', 'zhang', { password })
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.remove('court', 'zhang')
  expect(await accounts.credentials('court', 'zhang')).toBeUndefined()
  expect(await accounts.has('court')).toBe(false)
  expect(await accounts.candidates('court')).toEqual([])
  expect(await accounts.blacklist()).toEqual([])
  expect(execute(path, 'select 1 from account_reservations')).toEqual([])
  expect(await accounts.add('court', 'zhang', { password })).toMatchObject({ state: 'available', failures: 0 })
})

test('bad input is refused with a clear message, and nothing is changed', async () => {
  const { accounts, clock } = scene()
  const facts = await accounts.add('court', 'zhang', { password })
  await accounts.add('court', 'li', { password })
  const before = await accounts.list()
  const refused = async (code: string, message: RegExp, attempt: () => Promise<unknown>) => {
    const error = await attempt().then(
      () => undefined,
      error => error,
    )
    expect(isHotwellError(error), `${message} was not refused`).toBe(true)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('hunter2')
  }
  const add = (site: unknown, account: unknown, credential: object = { password: 'hunter2' }) =>
    accounts.add(site as string, account as string, credential as { password: string })
  const invalid = 'invalid_request'
  await refused('conflict', /has an account "zhang" already/, () => add('court', 'zhang'))
  await refused('conflict', /account "zhang" .* has the username "zhang" already/, () =>
    add('court', 'other', { username: 'zhang', password: 'hunter2' }),
  )
  await refused('conflict', /has the username "zhang" already/, () =>
    accounts.update('court', 'li', { username: 'zhang', password: 'hunter2' }),
  )
  await refused(invalid, /password is empty/, () => add('court', 'wang', { password: '' }))
  await refused(invalid, /password is empty/, () => add('court', 'wang', {}))
  await refused(invalid, /password is empty/, () => add('court', 'wang', { password: 7 }))
  await refused(invalid, /password has control characters/, () => add('court', 'wang', { password: 'hunter2\n' }))
  await refused(invalid, /password has 5000 bytes/, () => add('court', 'wang', { password: 'x'.repeat(5000) }))
  await refused(invalid, /password is empty/, () => accounts.update('court', 'zhang', { password: '' }))
  await refused(invalid, /account is missing/, () => add('court', ''))
  await refused(invalid, /site is missing/, () => add(undefined, 'wang'))
  await refused(invalid, /account "<b>wang<\/b>" has markup/, () => add('court', '<b>wang</b>'))
  await refused(invalid, /site "a>b" has markup/, () => add('a>b', 'wang'))
  await refused(invalid, /account "wa\\u0000ng" has control characters/, () => add('court', 'wa\0ng'))
  await refused(invalid, /control characters/, () => add('court', 'wang\u202e'))
  await refused(invalid, /well-formed/, () => add('court', 'wang\ud800'))
  await refused(invalid, /account has 258 bytes/, () => add('court', 'ü'.repeat(129)))
  await refused(invalid, /begins or ends with a space/, () => add('court', ' wang'))
  for (const dots of ['.', '..']) {
    await refused(invalid, /would be taken for a relative path/, () => add('court', dots))
    await refused(invalid, /would be taken for a relative path/, () => add(dots, 'wang'))
  }
  await refused(invalid, /username "<script>" has markup/, () =>
    accounts.update('court', 'zhang', { username: '<script>' }),
  )
  await refused(invalid, /not in the future/, () => accounts.bar('court', 'zhang', { until: clock.now() }))
  await refused(invalid, /not an instant/, () => accounts.bar('court', 'zhang', { until: Number.NaN }))
  await refused(invalid, /reason .* control/, () => accounts.bar('court', 'zhang', { reason: 'so\u0007' }))
  await refused(invalid, /reason .* 500/, () => accounts.bar('court', 'zhang', { reason: 'x'.repeat(501) }))
  for (const attempt of [
    () => accounts.get('court', 'wang'),
    () => accounts.get('nowhere', 'zhang'),
    () => accounts.update('court', 'wang', { password: 'hunter2' }),
    () => accounts.remove('court', 'wang'),
    () => accounts.bar('court', 'wang'),
    () => accounts.unbar('court', 'wang'),
  ])
    await refused('not_found', /has no account/, attempt)
  expect(await accounts.credentials('court', 'wang')).toBeUndefined()
  expect(await accounts.list()).toEqual(before)
  expect(before).toContainEqual(facts)
  expect(await accounts.blacklist()).toEqual([])
})

test('names of exactly 1 and 256 bytes, in any script, are taken', async () => {
  const { accounts } = scene()
  for (const account of ['x', 'ü'.repeat(128), '张 三', "o'hara; drop table accounts --", '%2F/..'])
    expect(await accounts.add('court', account, { password })).toMatchObject({ account })
  expect(await accounts.list()).toHaveLength(5)
})

test('a configuration that cannot work is refused at once', () => {
  for (const path of ['', ':memory:']) expect(() => createAccounts({ path })).toThrow(/path of their database file/)
  expect(() => createAccounts({ path: 'x.db', lockoutBudget: { tries: 9 } })).toThrow(/tries has to be/)
  expect(() => createAccounts({ path: 'x.db', cache: { blacklistSeconds: -1 } })).toThrow(/cache.blacklistSeconds/)
})

test('listeners hear of accounts added, changed, unbarred and removed, and one that throws hurts nobody', async () => {
  const { accounts } = scene()
  const heard: string[] = []
  accounts.onChange!(() => {
    throw new Error('the listener is broken')
  })
  const end = accounts.onChange!((site, account) => heard.push(`${site}/${account}`))
  await accounts.add('court', 'zhang', { password })
  await accounts.update('court', 'zhang', { password: 'another one' })
  await accounts.update('court', 'zhang', { password: 'another one' })
  await accounts.bar('court', 'zhang')
  await accounts.unbar('court', 'zhang')
  await accounts.remove('court', 'zhang')
  expect(heard).toEqual(Array(4).fill('court/zhang'))
  end()
  await accounts.add('court', 'zhang', { password })
  expect(heard).toHaveLength(4)
})

test('no password is in any file, row, fact, refusal or log line', async () => {
  const lines: string[] = []
  const log = (fields: object, message: string) => void lines.push(JSON.stringify([fields, message]))
  const { accounts, folder, path, open } = scene({ logger: { debug: log, info: log, warn: log, error: log } })
  const secrets = ['first-secret-word', 'second-secret-word']
  const told: unknown[] = [await accounts.add('court', 'zhang', { password: secrets[0]! })]
  await login(accounts, 'court', 'zhang', 'credential_error')
  told.push(await accounts.update('court', 'zhang', { password: secrets[1]! }))
  const held = await begin(accounts, 'court', 'zhang')
  await begin(accounts, 'court', 'zhang')
  const credentials = (await accounts.credentials('court', 'zhang'))!
  told.push(await accounts.reserve('court', credentials), await accounts.list(), accounts.problems())
  await accounts.settle('court', 'zhang', held, 'credential_error')
  told.push(await accounts.reserve('court', credentials), await accounts.blacklist(), accounts.cacheStats())
  const wrongKey = open({ encryptionKeys: Buffer.alloc(32, 7).toString('base64') })
  told.push(await vi.waitFor(() => wrongKey.open().catch(error => String(error.stack))))
  const everything = [bytesIn(folder).toString('latin1'), JSON.stringify(told), ...lines].join('\n')
  expect(everything).toContain('zhang')
  expect(lines.length).toBeGreaterThan(0)
  for (const secret of secrets) {
    expect(everything).not.toContain(secret)
    expect(everything).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20))
  }
  expect(execute(path, 'select sealed_password from accounts')).toEqual([
    { sealed_password: expect.stringMatching(/^h1\./) },
  ])
})
