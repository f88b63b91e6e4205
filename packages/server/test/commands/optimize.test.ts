import { join } from 'node:path'
import { generateKey, hashKey } from '@hotwell/server'
import { providerFailure } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { start, temporaryFolder } from '../start.ts'
import { runHotwell } from './run-hotwell.ts'

/** A server with a site of three accounts, whose logins fail when `broken` says so. */
async function court({ alerts }: { alerts?: object } = {}) {
  const state = { broken: false, logins: [] as string[] }
  const site = custom({
    kinds: ['account', 'client'],
    acquire: async ({ ref }) => {
      state.logins.push(ref.canonical)
      if (state.broken) throw providerFailure({ message: 'The site is down.', disposition: 'terminal' })
      return { value: `token-${state.logins.length}`, expiresInSeconds: 3600 }
    },
  })
  const dataDir = await temporaryFolder()
  const accounts = createAccounts({ path: join(dataDir, 'accounts.db') })
  for (const account of ['zhang', 'li', 'wang']) await accounts.add('court', account, { password: 'sesame' })
  await accounts.close()
  const config = {
    providers: { court: site },
    history: {},
    dataDir,
    preheat: false as const,
    ...(alerts && { alerts }),
  }
  const server = await start(config)
  const environment = { HOTWELL_URL: server.url }
  const optimize = (...args: string[]) => runHotwell(['optimize', ...args], { environment })
  const acquire = async (times: number) => {
    for (let time = 0; time < times; time++) {
      await server.tokens
        .token('court/client')
        .refresh()
        .catch(() => {})
    }
  }
  return { state, server, optimize, acquire, environment }
}

test('without a flag it checks the health and changes nothing; a healthy server ends it with 0', async () => {
  const { optimize, acquire, server, state } = await court()
  await acquire(6)
  const { code, stdout, stderr } = await optimize()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain(server.url)
  expect(stdout).toMatch(/\n\nHealth: healthy\n {2}6 acquisitions, 100\.0% successful/)
  expect(stdout).toContain('No alert.')
  expect(stdout).not.toMatch(/Clean-up|Warm-up|Concurrency|Metrics/)
  expect(state.logins).toHaveLength(6)
})

test('a low alert or a medium one ends it with 1, and a high one with 2', async () => {
  const slow = await court({ alerts: { maxAvgDurationSeconds: 0.000_001 } })
  await slow.acquire(6)
  const degraded = await slow.optimize('--health-check')
  expect(degraded).toMatchObject({ code: 1, stderr: 'hotwell: the server is degraded\n' })
  expect(degraded.stdout).toMatch(/Health: degraded\n(.*\n)*.*medium +maxAvgDurationSeconds/)

  const cold = await court({ alerts: { minCacheHitRate: 1 } })
  await cold.acquire(6)
  const accounts = ['zhang', 'li', 'wang'].map(name => cold.server.tokens.token(`court/account/${name}`))
  for (const account of [...accounts, ...accounts]) await account.get()
  expect(await cold.optimize()).toMatchObject({ code: 1, stdout: expect.stringContaining('Health: warning') })

  const broken = await court()
  broken.state.broken = true
  await broken.acquire(6)
  const unhealthy = await broken.optimize('--json')
  expect(unhealthy.code).toBe(2)
  const report = JSON.parse(unhealthy.stdout)
  expect(report).toMatchObject({ exitCode: 2, health: { state: 'unhealthy', metrics: { failed: 6 } } })
  expect(report.health.alerts).toMatchObject([{ rule: 'minSuccessRate', severity: 'high' }])
})

test('all flags together make one report, and each has its effect', async () => {
  const { optimize, acquire, server, state } = await court()
  await acquire(6)
  const { code, stdout, stderr } = await optimize(
    ...['--reset-metrics', '--optimize-concurrency', '--warm-cache', 'court', '--cleanup-days', '30', '--health-check'],
  )
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  const titles = stdout.split('\n\n').map(section => section.split('\n')[0])
  expect(titles).toEqual([
    expect.stringContaining(server.url),
    'Health: healthy',
    'Clean-up',
    'Warm-up',
    'Concurrency',
    'Metrics',
  ])
  expect(stdout).toMatch(/\n {2}6 acquisitions, /)
  expect(stdout).toContain('Dropped of the history, older than 30 days: 0')
  expect(stdout).toMatch(/court: \d+ warm, 0 failed/)
  expect(new Set(state.logins)).toEqual(
    new Set(['court/client', 'court/account/zhang', 'court/account/li', 'court/account/wang']),
  )
  expect((await optimize()).stdout).toContain('No acquisition yet')
})

test('a step that fails is told, and does not keep the others from their work', async () => {
  const { optimize, acquire } = await court()
  await acquire(6)
  const { code, stdout, stderr } = await optimize('--warm-cache', 'nowhere', '--reset-metrics')
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'hotwell: failed: Warm-up of nowhere\n' })
  expect(stdout).toMatch(/\nFailed\n {2}Warm-up of nowhere: .*nowhere/)
  expect((await optimize()).stdout).toContain('No acquisition yet')
  expect(await optimize('--optimize-concurrency', '--undo', 'no-such-change')).toMatchObject({ code: 1 })
})

test('limits are changed with --apply, and taken back with --undo', async () => {
  const { optimize, acquire, server } = await court()
  await acquire(6)
  const before = server.tokens.gateUsage().limits
  const applied = await optimize('--optimize-concurrency', '--apply', '--json')
  const { concurrency } = JSON.parse(applied.stdout)
  for (const { field, recommended } of concurrency.recommendations) {
    expect(server.tokens.gateUsage().limits).toMatchObject({ [field]: recommended })
  }
  if (concurrency.changeId) {
    expect(await optimize('--undo', concurrency.changeId)).toMatchObject({ code: 0 })
    expect(server.tokens.gateUsage().limits).toEqual(before)
  }
})

test('a command that is not understood does nothing, and no server or a refused key has its own code', async () => {
  const key = generateKey()
  const server = await start({ keys: [{ name: 'reader', sha256: hashKey(key), actions: ['read', 'list'] }] })
  const known = { HOTWELL_URL: server.url, HOTWELL_API_KEY: key }
  const cases: [args: string[], environment: Record<string, string>, code: number, stderr: RegExp][] = [
    [['--cleanup-days', '0'], known, 2, /whole number from 1 to 90/],
    [['--cleanup-days', '91'], known, 2, /whole number from 1 to 90/],
    [['--warm-cache'], known, 2, /argument missing/],
    [['--apply', '--undo', 'x'], known, 2, /cannot be used with/],
    [['--helth-check'], known, 2, /Did you mean --health-check/],
    [['--health-check'], known, 4, /"metrics"/],
    [['--reset-metrics', '--url', 'http://127.0.0.1:9'], {}, 3, /No server answers/],
  ]
  for (const [args, environment, code, stderr] of cases) {
    const outcome = await runHotwell(['optimize', ...args], { environment })
    expect({ args, code: outcome.code }, outcome.stderr).toEqual({ args, code })
    expect(outcome.stderr).toMatch(stderr)
    expect(outcome.stdout).toBe('')
  }
})
