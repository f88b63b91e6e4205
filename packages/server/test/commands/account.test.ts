import { generateKey, hashKey } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { start } from '../start.ts'
import { runHotwell } from './run-hotwell.ts'

const site = 'court_zxfw'

/** A server with a site whose token tells which password it was made with, and the command line that talks to it. */
async function court() {
  const passwords: string[] = []
  const provider = custom({
    kinds: ['account'],
    acquire: async ({ credentials }) => {
      passwords.push(credentials?.password ?? '')
      return { value: `token-${passwords.length}`, expiresInSeconds: 3600 }
    },
  })
  const server = await start({ providers: { [site]: provider } })
  const environment = { HOTWELL_URL: server.url }
  const account = (args: string[], input?: string) => runHotwell(['account', ...args], { environment, input })
  return { server, passwords, account, environment }
}

test('an account is added from standard input, listed, logged in with, given a new password, and removed', async () => {
  const { account, passwords, environment, server } = await court()
  const added = await account(['add', site, 'zhang', '--username', '13800000000'], 'first sesame\n')
  expect(added).toEqual({ code: 0, stdout: `${site}/zhang is added; it logs in as 13800000000.\n`, stderr: '' })
  expect((await account(['list'])).stdout).toMatch(/Site +Account.*\ncourt_zxfw +zhang +13800000000 +available/)

  const token = await runHotwell(['token', 'get', `${site}/account`], { environment })
  expect(token).toMatchObject({ code: 0, stdout: 'token-1\n' })
  const updated = await account(['update', site, 'zhang', '--json'], 'second sesame')
  expect(JSON.parse(updated.stdout)).toMatchObject({ site, account: 'zhang', state: 'available' })
  await server.tokens.token(`${site}/account/zhang`).refresh()
  expect(passwords).toEqual(['first sesame', 'second sesame'])

  await account(['update', site, 'zhang', '--username', 'zhang@example.com', '--keep-password'])
  const listed = JSON.parse((await account(['list', '--site', site, '--json'])).stdout)
  expect(listed.accounts).toMatchObject([
    { account: 'zhang', username: 'zhang@example.com', successes: expect.any(Number) },
  ])
  expect(JSON.stringify(listed)).not.toContain('sesame')

  expect(await account(['remove', site, 'zhang'])).toMatchObject({ code: 0, stdout: `${site}/zhang is removed.\n` })
  expect((await account(['list'])).stdout).toContain('There is no account')
})

test('a barred account is not logged in with, says why and until when, and comes back when it is unbarred', async () => {
  const { account, passwords, environment } = await court()
  await account(['add', site, '张/三'], 'sesame')
  const barred = await account(['bar', site, '张/三', '--reason', 'on leave', '--until', '7d'])
  expect(barred).toMatchObject({ code: 0, stdout: expect.stringMatching(/张\/三 is barred until \d{4}-/) })
  const [all, bars, asJson] = await Promise.all([
    account(['list']),
    account(['list', '--barred']),
    account(['list', '--barred', '--json']),
  ])
  expect(all.stdout).toMatch(/张\/三 .*barred.*on leave, until \d{4}-/)
  expect(bars.stdout).toMatch(/court_zxfw +张\/三 +manual +.*on leave/)
  expect(asJson.stdout).toContain('"cause": "manual"')
  const refused = await runHotwell(['token', 'get', `${site}/account`], { environment })
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('account_unavailable') })
  expect(passwords).toEqual([])

  expect(await account(['unbar', site, '张/三'])).toMatchObject({ code: 0 })
  expect((await account(['list', '--barred'])).stdout).toContain('No account is barred.')
  expect(await runHotwell(['token', 'get', `${site}/account`], { environment })).toMatchObject({ code: 0 })
})

test('what cannot be done is told with the reason, and changes nothing', async () => {
  const { account } = await court()
  await account(['add', site, 'zhang'], 'sesame')
  const cases: [args: string[], input: string, code: number, stderr: RegExp][] = [
    [['add', site, 'zhang'], 'other', 1, /\(conflict\)/],
    [['add', site, '<b>li</b>'], 'other', 1, /markup.*\(invalid_request\)/],
    [['add', site, 'li'], '\n', 2, /The password is empty/],
    [['update', site, 'li'], 'other', 1, /no account "li".*\(not_found\)/],
    [['update', site, 'zhang', '--keep-password'], '', 2, /nothing to change/],
    [['remove', site, 'li'], '', 1, /\(not_found\)/],
    [['remove', site, '..'], '', 2, /no name/],
    [['bar', site, 'zhang', '--until', 'tomorrow'], '', 2, /2026-11-21T08:30:00Z/],
    [['bar', site, 'zhang', '--until', '2020-01-01'], '', 1, /\(invalid_request\)/],
    [['unbar', site, 'li'], '', 1, /\(not_found\)/],
  ]
  for (const [args, input, code, stderr] of cases) {
    const outcome = await account(args, input)
    expect({ args, code: outcome.code }, outcome.stderr).toEqual({ args, code })
    expect(outcome.stderr).toMatch(stderr)
    expect(outcome.stderr).not.toMatch(/\n\s+at |sesame|other/)
    expect(outcome.stdout).toBe('')
  }
  const { accounts } = JSON.parse((await account(['list', '--json'])).stdout)
  expect(accounts).toMatchObject([{ account: 'zhang', state: 'available' }])
})

test('accounts need their own action of an API key', async () => {
  const key = generateKey()
  const server = await start({ keys: [{ name: 'reader', sha256: hashKey(key), actions: ['read', 'list'] }] })
  const environment = { HOTWELL_URL: server.url, HOTWELL_API_KEY: key }
  const { code, stderr } = await runHotwell(['account', 'list'], { environment })
  expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining('"accounts"') })
})
