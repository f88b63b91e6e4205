import { providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { start, temporaryFolder } from '../start.ts'
import { runHotwell } from './run-hotwell.ts'

/** A server whose history has `renewals` acquisitions of `crm/client` and one that failed. */
async function served(renewals: number) {
  let made = 0
  const crm = custom({
    kinds: ['client'],
    acquire: async () => ({ value: `token-${made++}`, expiresInSeconds: 3600 }),
  })
  const failing = custom({
    kinds: ['client'],
    acquire: async () => {
      throw providerFailure({ message: 'the site said\n\u001b[31mno\u001b[0m', disposition: 'terminal' })
    },
  })
  const dataDir = await temporaryFolder()
  const server = await start({ providers: { crm, failing }, history: {}, dataDir, preheat: false })
  for (let renewal = 0; renewal < renewals; renewal++) await server.tokens.token('crm/client').refresh()
  await server.tokens
    .token('failing/client')
    .refresh()
    .catch(() => {})
  const environment = { HOTWELL_URL: server.url }
  const history = (...args: string[]) => runHotwell(['history', ...args], { environment })
  // The history is written behind the back of whoever acquires.
  const until = Date.now() + 20_000
  while (Date.now() < until && JSON.parse((await history('--json')).stdout).records.length < renewals + 1);
  return history
}

test('the history is read page by page, and whole', async () => {
  const history = await served(6)
  const first = JSON.parse((await history('--limit', '3', '--json')).stdout)
  expect(first.records).toHaveLength(3)
  expect(first.records[0]).toMatchObject({ ref: 'failing/client', status: expect.not.stringMatching('success') })
  const second = JSON.parse((await history('--limit', '3', '--cursor', first.nextCursor, '--json')).stdout)
  const all = JSON.parse((await history('--all', '--limit', '2', '--json')).stdout)
  expect(all.records).toHaveLength(7)
  expect(all.records.slice(0, 6)).toEqual([...first.records, ...second.records])

  const page = await history('--limit', '3', '--site', 'crm')
  expect(page.stdout).toMatch(/^Finished +Token +Why +Status/)
  expect(page.stdout.match(/crm\/client +manual +success/g)).toHaveLength(3)
  const [, again] = /There are older ones: hotwell (history .*)\n/.exec(page.stdout)!
  const rest = await history(...again!.split(' ').slice(1))
  expect(rest.stdout.match(/crm\/client +(manual|no_token) +success/g)).toHaveLength(3)
  expect(rest.stdout).not.toContain('older')
  expect((await history('--all', '--limit', '4')).stdout.match(/success|failed/g)).toHaveLength(7)
})

test('what a site said cannot write on the terminal of whoever reads it', async () => {
  const history = await served(0)
  const { stdout } = await history('--site', 'failing')
  expect(stdout).toMatch(/failing\/client +manual +\w+ .*the site said +\[31mno/)
  expect(stdout).not.toContain('\u001b')
  expect((await history('--from', '2h', '--to', '1h')).stdout).toBe('No acquisition was found.\n')
  expect((await history('--status', 'success')).stdout).toBe('No acquisition was found.\n')
})

test('statistics are shown by status, site and day', async () => {
  const history = await served(3)
  const { stdout, code } = await history('--statistics', '--days', '2')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^4 acquisitions from .*, 75\.0% successful/)
  expect(stdout).toMatch(/\nsuccess +3 +75\.0%/)
  expect(stdout).toMatch(/\ncrm +3 +100\.0%/)
  expect(stdout).toMatch(/\nDay \(UTC\) .*\n20\d\d-\d\d-\d\d +4 /)
  const crm = JSON.parse((await history('--statistics', '--site', 'crm', '--json')).stdout)
  expect(crm).toMatchObject({ total: 3, byStatus: { success: 3 } })
})

test('what makes no sense is refused before or by the server, with the reason', async () => {
  const history = await served(0)
  const cases: [args: string[], code: number, stderr: RegExp][] = [
    [['--limit', '0'], 2, /whole number from 1 to 500/],
    [['--from', 'yesterday'], 2, /12h, 7d/],
    [['--statistics', '--days', '91'], 2, /from 1 to 90/],
    [['--days', '3'], 2, /--from 3d/],
    [['--statistics', '--cursor', 'x'], 2, /cannot be used with/],
    [['--cursor', 'not-a-cursor'], 1, /cursor.*\(invalid_request\)/],
    [['--status', 'splendid'], 2, /Allowed choices are success, failed/],
  ]
  for (const [args, code, stderr] of cases) {
    const outcome = await history(...args)
    expect({ args, code: outcome.code }, outcome.stderr).toEqual({ args, code })
    expect(outcome.stderr).toMatch(stderr)
    expect(outcome.stdout).toBe('')
  }
})
