import { DatabaseSync } from 'node:sqlite'
import { createHistory } from 'hotwell/history'
import { custom } from 'hotwell/providers/custom'
import { describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../start.ts'
import { type Court, startCourt } from './court.ts'

const logins = ({ site }: Court) =>
  Object.fromEntries(Object.entries(site.accounts()).map(([account, { attempts }]) => [account, attempts]))

describe('POST cache/warm-up', () => {
  test('logs in with every good account of the site, within the gate, and leaves the others alone', async () => {
    const court = await startCourt({ site: { latencyMs: 40 }, config: { gate: { maxConcurrentPerSite: 2 } } })
    const { call, token, site } = court
    await call('PUT /api/v1/blacklist/court/wang')
    const { status, json } = await call('POST cache/warm-up?site_name=court')
    expect(status).toBe(200)
    expect(json).toMatchObject({ siteName: 'court', failed: [], pending: [] })
    expect(json.warm.sort()).toEqual(['court/account/li', 'court/account/zhang'])
    expect(json.skipped).toEqual([{ ref: 'court/account/wang', state: 'barred' }])
    expect(logins(court)).toEqual({ zhang: 1, li: 1, wang: 0 })
    expect(site.logins.mostAtOnce).toBe(2)
    for (const account of ['zhang', 'li']) expect(await token(`court/account/${account}`)).toBe(200)
    expect((await call('POST cache/warm-up?siteName=court')).json.warm).toHaveLength(2)
    expect(logins(court)).toEqual({ zhang: 1, li: 1, wang: 0 })
  })

  test('without a site warms the manifest and all sites, and tells what failed', async () => {
    const court = await startCourt({ wrong: ['li'], config: { manifest: ['crm/client'] } })
    const { json } = await court.call('POST /api/v1/automation/performance/cache/warm-up')
    expect(json.siteName).toBeNull()
    expect(json.warm.sort()).toEqual(['court/account/wang', 'court/account/zhang', 'crm/client'])
    expect(json.failed).toMatchObject([{ ref: 'court/account/li', code: 'credentials_rejected' }])
    // The account is barred now, and not tried again.
    const again = (await court.call('POST cache/warm-up')).json
    expect(again).toMatchObject({ failed: [], skipped: [{ ref: 'court/account/li', state: 'barred' }] })
    expect(court.site.account('li').attempts).toBe(1)
  })

  test('answers when its time is over, while the rest goes on', async () => {
    const court = await startCourt({ site: { latencyMs: 150 } })
    const { json } = await court.call('POST cache/warm-up?site_name=court&timeout_seconds=0')
    expect(json.pending).toHaveLength(3)
    await vi.waitFor(async () => {
      expect((await court.call('GET cache-stats')).json.tokens.size).toBe(3)
    }, 5000)
  })
})

describe('DELETE cache/clear', () => {
  test('has the next caller log in again, and keeps accounts, bars, budgets and history', async () => {
    const court = await startCourt({ wrong: ['wang'] })
    const { call, token, server, flush } = court
    await call('PUT /api/v1/blacklist/court/li', { body: '{"reason":"on leave"}' })
    for (const ref of ['court/account/zhang', 'court/account/wang', 'crm/client']) await token(ref)
    const before = (await call('GET /api/v1/blacklist')).json
    expect(before.bars).toMatchObject([{ account: 'li' }, { account: 'wang', cause: 'credential' }])
    await flush()
    const crm = await server.tokens.token('crm/client').get()
    expect(await token('court/account/zhang')).toBe(200)
    expect(court.site.account('zhang').attempts).toBe(1)

    const { json } = await call('DELETE cache/clear?site_name=court')
    expect(json).toMatchObject({ siteName: 'court', tokens: 1 })
    expect(json.credentials).toBeGreaterThan(0)
    expect((await call('GET cache-stats')).json.credentials.size).toBe(0)
    expect(await token('court/account/zhang')).toBe(200)
    expect(court.site.account('zhang').attempts).toBe(2)
    expect(await server.tokens.token('crm/client').get()).toBe(crm)
    expect((await call('GET /api/v1/blacklist')).json).toEqual(before)
    expect((await call('GET /api/v1/accounts')).json.accounts).toHaveLength(3)
    expect(court.site.account('wang').attempts).toBe(1)
    expect((await call('GET statistics')).json.total).toBeGreaterThanOrEqual(3)

    expect((await call('DELETE /api/v1/automation/performance/cache/clear')).json).toMatchObject({ tokens: 2 })
    expect(await server.tokens.token('crm/client').get()).not.toBe(crm)
  })

  test('never drops a refresh token: the next acquisition goes on with it', async () => {
    const grants: (string | undefined)[] = []
    const crm = custom({
      kinds: ['user'],
      acquire: async ({ previous }) => {
        grants.push(previous?.grant?.value)
        return { value: `token-${grants.length}`, expiresInSeconds: 3600, grant: { value: 'the-refresh-token' } }
      },
    })
    const { call, server } = await startCourt({ config: { providers: { crm } } })
    await server.tokens.token('crm/user/anna').get()
    expect((await call('DELETE cache/clear')).json.tokens).toBe(1)
    expect(await server.tokens.token('crm/user/anna').get()).toBe('token-2')
    expect(grants).toEqual([undefined, 'the-refresh-token'])
  })

  test('drops a token of an account that only the store has, from before a restart', async () => {
    const config = { store: { use: 'hotwell/stores/sqlite' }, dataDir: await temporaryFolder() }
    const first = await startCourt({ config })
    const { site } = first
    await first.token('court/account/zhang')
    await first.token('court/account/li')
    await first.server.close()
    const second = await startCourt({ config, site })
    expect(await second.token('court/account/li')).toBe(200)
    expect(site.account('li').attempts).toBe(1)
    expect((await second.call('DELETE cache/clear?site_name=court')).json.tokens).toBe(2)
    for (const account of ['zhang', 'li']) {
      expect(await second.token(`court/account/${account}`)).toBe(200)
      expect(site.account(account).attempts).toBe(2)
    }
  })
})

describe('POST resources/cleanup', () => {
  test('drops expired bars, settled slots, dead claims and old history, and says how many of each', async () => {
    const dataDir = await temporaryFolder()
    await writeHistory(dataDir, { count: 5, daysAgo: 20 })
    const { call, token, flush } = await startCourt({ config: { dataDir, store: { use: 'hotwell/stores/sqlite' } } })
    await token('court/account/zhang')
    const soon = new Date(Date.now() + 200).toISOString()
    await call('PUT /api/v1/blacklist/court/li', { body: JSON.stringify({ until: soon }) })
    await call('PUT /api/v1/blacklist/court/wang')
    const accounts = new DatabaseSync(`${dataDir}/accounts.db`)
    accounts.exec("insert into account_reservations values ('r1', 'a-former-credential', 1, null)")
    accounts.close()
    const tokens = new DatabaseSync(`${dataDir}/tokens.db`)
    tokens.exec("update token_records set holder = 'dead', claim_boot = 'before', claim_until_ms = 1")
    tokens.close()
    await flush()
    expect((await call('GET statistics?days=90')).json.total).toBe(6)
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(soon)))

    const cleaned = await call('POST resources/cleanup?days=10')
    expect(cleaned).toMatchObject({
      status: 200,
      json: { expiredBars: 1, settledReservations: 1, deadClaims: 1, oldRecords: 0, historyRecords: 5 },
    })
    expect((await call('GET statistics?days=90')).json.total).toBe(1)
    expect((await call('GET /api/v1/blacklist')).json.bars).toMatchObject([{ account: 'wang' }])
    expect(await token('court/account/zhang')).toBe(200)
    const again = (await call('POST resources/cleanup')).json
    expect(again).toEqual({ expiredBars: 0, settledReservations: 0, deadClaims: 0, oldRecords: 0 })
  })
})

/** Records of acquisitions that ended so, as the server would have written them. */
async function writeHistory(
  dataDir: string,
  { count, daysAgo = 0, status = 'success' }: { count: number; daysAgo?: number; status?: string },
): Promise<void> {
  const history = createHistory({ path: `${dataDir}/hotwell.db`, worker: false, retentionDays: 60 })
  const finishedAt = Date.now() - daysAgo * 86_400_000 - 1000
  for (let number = 0; number < count; number++) {
    history.record({
      ...{ id: `${status}-${number}`, provider: 'crm', kind: 'client', ref: 'crm/client', status, trigger: 'no_token' },
      ...{ unchanged: false, refresh: false, attempts: 1, totalMs: 100, providerMs: 100, captchaAttempts: 0 },
      ...{ networkRetries: 0, queueWaitMs: 0, node: 'test', createdAt: finishedAt, finishedAt },
    } as never)
  }
  await history.close()
}

/** A server whose provider `crm` has answered many requests with 429, and counts what runs at once. */
async function throttled(gate: object) {
  const dataDir = await temporaryFolder()
  await writeHistory(dataDir, { count: 160 })
  await writeHistory(dataDir, { count: 40, status: 'rate_limited' })
  const seen = { running: 0, mostAtOnce: 0 }
  const crm = custom({
    kinds: ['user'],
    acquire: async ({ ref }) => {
      seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.running)
      await new Promise(resolve => setTimeout(resolve, 30))
      seen.running--
      return { value: ref.canonical, expiresInSeconds: 3600 }
    },
  })
  const court = await startCourt({ config: { dataDir, gate, providers: { crm } } })
  let users = 0
  const mostAtOnce = async () => {
    seen.mostAtOnce = 0
    await Promise.all(Array.from({ length: 12 }, () => court.server.tokens.token(`crm/user/${users++}`).get()))
    return seen.mostAtOnce
  }
  return { ...court, mostAtOnce }
}

describe('POST optimize-concurrency', () => {
  test('recommends with numbers and reason; applied, it limits what runs at once, and is taken back', async () => {
    const { call, mostAtOnce } = await throttled({ maxConcurrentOther: 8, maxConcurrentPerProvider: 8 })
    const before = (await call('GET resource-usage')).json.gate.limits
    const advice = await call('POST optimize-concurrency')
    expect(advice).toMatchObject({ status: 200, json: { applied: false, changeId: null, limits: before } })
    expect(advice.json.others).toMatchObject({ acquisitions: 200, rateLimitedShare: 0.2 })
    expect(advice.json.recommendations).toMatchObject([
      { field: 'maxConcurrentOther', current: 8, recommended: 4, reason: expect.stringContaining('40 of 200') },
      { field: 'maxConcurrentPerProvider', current: 8, recommended: 4 },
    ])
    for (const { confidence } of advice.json.recommendations) {
      expect(confidence).toBeGreaterThan(0.4)
      expect(confidence).toBeLessThanOrEqual(1)
    }
    expect(await mostAtOnce()).toBe(8)

    const applied = (await call('POST optimize-concurrency?apply=true')).json
    expect(applied).toMatchObject({ applied: true, changeId: expect.stringMatching(/^[0-9a-f]{8}$/) })
    expect(applied.limits).toEqual({ ...before, maxConcurrentOther: 4, maxConcurrentPerProvider: 4 })
    expect(await mostAtOnce()).toBe(4)

    const undone = (await call(`POST optimize-concurrency?undo=${applied.changeId}`)).json
    expect(undone).toMatchObject({ undone: applied.changeId, recommendations: [], limits: before })
    expect(await mostAtOnce()).toBe(8)
  })

  test('stays within the configured bounds', async () => {
    const bounds = { maxConcurrentOther: { min: 6 }, maxConcurrentPerProvider: { min: 8, max: 20 } }
    const { call } = await throttled({ maxConcurrentOther: 8, maxConcurrentPerProvider: 8, bounds })
    const { json } = await call('POST optimize-concurrency?apply=true')
    expect(json.recommendations).toMatchObject([{ field: 'maxConcurrentOther', recommended: 6 }])
    expect(json.limits).toMatchObject({ maxConcurrentOther: 6, maxConcurrentPerProvider: 8 })
  })

  test('takes changes back the newest first, each once', async () => {
    const { call } = await throttled({ maxConcurrentOther: 8, maxConcurrentPerProvider: 8 })
    const undo = (id: string) => call(`POST optimize-concurrency?undo=${id}`)
    const ids: string[] = []
    for (let time = 0; time < 2; time++) ids.push((await call('POST optimize-concurrency?apply=true')).json.changeId)
    const [older, newer] = ids as [string, string]
    const refused = await undo(older)
    expect(refused).toMatchObject({ status: 409, json: { code: 'conflict', detail: expect.stringContaining(newer) } })
    expect((await call('GET resource-usage')).json.gate.limits).toMatchObject({ maxConcurrentOther: 2 })
    expect((await undo(newer)).json.limits).toMatchObject({ maxConcurrentOther: 4 })
    expect((await undo(older)).json.limits).toMatchObject({ maxConcurrentOther: 8 })
    for (const id of [older, newer, 'ffffffff']) {
      expect(await undo(id)).toMatchObject({ status: 404, json: { code: 'not_found' } })
    }
  })

  test('changes nothing when there is nothing to say', async () => {
    const { call } = await startCourt()
    const { json } = await call('POST optimize-concurrency?apply=true')
    expect(json).toMatchObject({ recommendations: [], applied: false, changeId: null })
  })
})
