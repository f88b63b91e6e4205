import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startCourt } from './court.ts'

describe('GET metrics', () => {
  test('counts what was acquired, how it ended, how long it took, and what runs', async () => {
    const { call, token, site } = await startCourt({ wrong: ['wang'] })
    const before = (await call('GET metrics')).json
    expect(before).toMatchObject({ totalAcquisitions: 0, successRate: 1, cacheHitRate: 0, concurrent: 0 })
    site.latencyMs = 60
    const slow = token('court/account/zhang')
    await vi.waitFor(async () => expect((await call('GET metrics')).json.concurrent).toBe(1), 5000)
    expect(await slow).toBe(200)
    site.latencyMs = 0
    expect(await token('court/account/wang')).toBe(502)
    for (let time = 0; time < 8; time++) expect(await token('crm/client')).toBe(200)

    const { json } = await call('GET metrics')
    expect(json).toMatchObject({
      ...{ totalAcquisitions: 3, successful: 2, failed: 1, credentialErrors: 1 },
      ...{ timeouts: 0, networkErrors: 0, captchaErrors: 0, rateLimited: 0, otherErrors: 0 },
      ...{ concurrent: 0, peakConcurrent: 1, cacheHitRate: 7 / 10 },
    })
    expect(json.successRate).toBeCloseTo(2 / 3)
    expect(json.p99Seconds).toBeGreaterThan(0.055)
    expect(json.avgDurationSeconds).toBeGreaterThan(0.055 / 3)
    expect(json.avgLoginDurationSeconds).toBeGreaterThan(0.02)
    expect(json.movingAverages.oneMinute).toMatchObject({ acquisitions: 3 })
    expect(json.byProvider).toMatchObject({ court: { total: 2, failed: 1 }, crm: { total: 1, failed: 0 } })
    expect(Object.keys(json.byAccount)).toEqual(['court/zhang', 'court/wang'])
    expect(new Date(json.sinceAt).toISOString()).toBe(json.sinceAt)
  })
})

describe('POST metrics/reset', () => {
  test('begins the figures anew and keeps the history', async () => {
    const { call, token, flush } = await startCourt({ wrong: ['wang'] })
    for (const account of ['zhang', 'wang']) await token(`court/account/${account}`)
    expect((await call('GET metrics')).json.totalAcquisitions).toBe(2)
    await flush()
    const reset = await call('POST metrics/reset')
    expect(reset).toMatchObject({ status: 200, json: { reset: true } })
    const { json } = await call('GET metrics')
    expect(json).toMatchObject({ totalAcquisitions: 0, failed: 0, byAccount: {}, sinceAt: reset.json.sinceAt })
    expect((await call('GET statistics')).json.total).toBe(2)
    expect((await call('GET /metrics')).text).toMatch(/hotwell_token_acquisitions_total\{.*"credential_error".*\} 1/)
  })
})

describe('GET statistics', () => {
  test('tells what the last days came to, of all or of one site, in either way of writing', async () => {
    const { call, token, flush } = await startCourt({ wrong: ['wang'] })
    for (const ref of ['court/account/zhang', 'court/account/wang', 'crm/client']) await token(ref)
    await flush()
    expect((await call('GET statistics?days=90')).json).toMatchObject({
      ...{ total: 3, successes: 2, byStatus: { success: 2, credential_error: 1 } },
      byDay: [{ total: 3 }],
    })
    for (const query of ['site_name=court', 'siteName=court', 'site_name=court&siteName=court']) {
      const { json } = await call(`GET statistics?days=1&${query}`)
      expect(json, query).toMatchObject({ total: 2, bySite: [{ site: 'court', total: 2, successRate: 0.5 }] })
      expect(json.byAccount).toHaveLength(2)
    }
    expect((await call('GET /api/v1/automation/performance/statistics?site_name=crm')).json.total).toBe(1)
    expect((await call('GET statistics?days=7&site_name=')).json.total).toBe(3)
  })
})

describe('GET health', () => {
  test('is healthy without traffic, and unhealthy with the alert when logins fail', async () => {
    let broken = true
    const crm = custom({
      kinds: ['client'],
      acquire: async () => {
        if (broken) throw providerFailure({ message: 'The site is down.', disposition: 'terminal' })
        return { value: 'token', expiresInSeconds: 3600 }
      },
    })
    const { call, server } = await startCourt({ config: { providers: { crm } } })
    const refresh = () =>
      server.tokens
        .token('crm/client')
        .refresh()
        .catch(() => {})
    expect((await call('GET health')).json).toMatchObject({ state: 'healthy', alerts: [], anomalies: [] })
    for (let time = 0; time < 6; time++) await refresh()
    const failing = await call('GET health')
    expect(failing).toMatchObject({
      status: 200,
      json: { state: 'unhealthy', alerts: [{ rule: 'minSuccessRate', severity: 'high', value: 0, threshold: 0.8 }] },
    })
    const scraped = (await call('GET /metrics')).text
    expect(scraped).toContain('hotwell_health_state 3')
    expect(scraped).toContain('hotwell_alert_active{rule="minSuccessRate",severity="high"} 1')
    expect((await call('GET /readyz')).status).toBe(200)
    broken = false
    for (let time = 0; time < 30; time++) await refresh()
    expect((await call('GET health')).json).toMatchObject({ state: 'healthy', alerts: [] })
    expect((await call('GET /metrics')).text).not.toContain('hotwell_alert_active{')
  })

  test('alerts go to the configured webhook, signed, once when they come and once when they go', async () => {
    const secret = 'a-secret-of-the-webhook'
    const posted: { type: string; rule: string; signed: boolean }[] = []
    const receiver = createServer(async (request, response) => {
      const body = await text(request)
      const { 'x-hotwell-timestamp': at, 'x-hotwell-signature': signature } = request.headers
      const expected = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
      const { type, rule } = JSON.parse(body)
      posted.push({ type, rule, signed: signature === `sha256=${expected}` })
      response.end()
    })
    await once(receiver.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void receiver.close())
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`
    const { call, token } = await startCourt({
      wrong: ['zhang', 'li', 'wang'],
      config: { alerts: { minSamples: 2, minCacheHitRate: 0, webhook: { url, secret } } },
    })
    for (const account of ['zhang', 'li']) await token(`court/account/${account}`)
    expect((await call('GET health')).json.state).toBe('unhealthy')
    await call('POST metrics/reset')
    await vi.waitFor(() => expect(posted).toHaveLength(2), 5000)
    expect(posted).toEqual([
      { type: 'alert.raised', rule: 'minSuccessRate', signed: true },
      { type: 'alert.cleared', rule: 'minSuccessRate', signed: true },
    ])
  })

  test('is a warning while the history cannot be written; tokens are served, and its routes say when to come again', async () => {
    const { call, token, dataDir, flush } = await startCourt()
    await token('crm/client')
    await flush()
    const other = new DatabaseSync(`${dataDir}/hotwell.db`)
    onTestFinished(() => other.close())
    other.exec('begin exclusive')
    expect(await token('court/account/zhang')).toBe(200)
    await vi.waitFor(async () => expect((await call('GET health')).json.state).toBe('warning'), 10_000)
    const { checks } = (await call('GET health')).json
    expect(checks.find(({ name }: { name: string }) => name === 'history').problems).not.toEqual([])
    expect((await call('GET resource-usage')).json.history).toMatchObject({ buffered: 1, dropped: 0 })
    expect(await call('POST resources/cleanup?days=30')).toMatchObject({
      status: 503,
      json: { code: 'store_unavailable', retryable: true },
      headers: { 'retry-after': expect.any(String) },
    })
    expect(await token('court/account/li')).toBe(200)
    other.exec('rollback')
    await vi.waitFor(async () => expect((await call('GET health')).json.state).toBe('healthy'), 10_000)
    await vi.waitFor(async () => expect((await call('GET statistics')).json.total).toBe(3), 10_000)
  }, 30_000)

  test('is degraded when a password cannot be opened, and says which', async () => {
    const { call, token, server, dataDir } = await startCourt()
    const database = new DatabaseSync(`${dataDir}/accounts.db`)
    database.exec("update accounts set sealed_password = substr(sealed_password, 1, 20) where account = 'zhang'")
    database.close()
    await server.tokens.token('crm/client').get()
    await call('DELETE cache/clear')
    expect(await token('court/account/zhang')).toBe(503)
    const { json } = await call('GET health')
    const accounts = json.checks.find(({ name }: { name: string }) => name === 'accounts')
    expect(json.state).toBe('degraded')
    expect(accounts).toMatchObject({ state: 'degraded', problems: [expect.stringContaining('"zhang"')] })
    expect((await call('GET /readyz')).json.problems).toEqual(accounts.problems)
    // The others are served all the same.
    expect(await token('court/account/li')).toBe(200)
  })

  test('is degraded while a provider is stopped by its breaker', async () => {
    const crm = custom({
      kinds: ['client'],
      acquire: async () => {
        throw providerFailure({ message: 'The app is disabled.', disposition: 'terminal', scope: 'provider' })
      },
    })
    const { call, token } = await startCourt({ config: { providers: { crm } } })
    await token('crm/client')
    const { json } = await call('GET health')
    expect(json.checks).toContainEqual({
      name: 'providers',
      state: 'degraded',
      problems: [expect.stringMatching(/^crm: .*disabled/)],
    })
    expect(json.state).toBe('degraded')
  })
})

describe('GET resource-usage', () => {
  test('shows the login that runs, those that wait, the limits, and what the process uses', async () => {
    const { call, token, site } = await startCourt({ config: { gate: { maxConcurrentPerSite: 1 } } })
    site.latencyMs = 300
    const logins = ['zhang', 'li'].map(account => token(`court/account/${account}`))
    await vi.waitFor(async () => {
      const { gate } = (await call('GET resource-usage')).json
      expect(gate).toMatchObject({ running: 1, waiting: 1, accounts: { sites: { court: { running: 1, waiting: 1 } } } })
      expect(gate.holders).toMatchObject([{ provider: 'court', kind: 'account', subject: 'zhang', state: 'held' }])
      expect(gate.limits).toMatchObject({ maxConcurrentPerSite: 1, maxConcurrentAcquisitions: 3 })
    }, 5000)
    expect(await Promise.all(logins)).toEqual([200, 200])
    const { json } = await call('GET resource-usage')
    expect(json.gate).toMatchObject({ running: 0, waiting: 0, holders: [], entered: 2, timedOut: 0 })
    expect(json.gate.longestWaitMs).toBeGreaterThan(200)
    expect(json.history).toMatchObject({ dropped: 0 })
    expect(json.history.buffered + json.history.written).toBe(2)
    expect(json.caches.credentials.size).toBe(2)
    expect(json.process.memory.rssBytes).toBeGreaterThan(json.process.memory.heapUsedBytes)
    expect(json.process.cpu.share).toBeGreaterThan(0)
  })

  test('shows how long the event loop was blocked', async () => {
    const { call } = await startCourt()
    const before = (await call('GET resource-usage')).json.process.eventLoop.delayMaxMs
    await vi.waitFor(async () => {
      // The server is in this process. What blocks it before it was first looked at leaves no trace, hence again.
      const until = performance.now() + before + 250
      while (performance.now() < until);
      const { eventLoop } = (await call('GET resource-usage')).json.process
      expect(eventLoop.delayMaxMs).toBeGreaterThan(before + 150)
    }, 5000)
  })
})

describe('GET cache-stats', () => {
  test('counts hits and misses of tokens, and what is cached of accounts', async () => {
    const { call, token } = await startCourt()
    expect((await call('GET cache-stats')).json).toMatchObject({ tokens: { size: 0, hits: 0, misses: 0, hitRate: 0 } })
    for (let time = 0; time < 4; time++) await token('crm/client')
    await token('court/account/zhang')
    const { json } = await call('GET cache-stats')
    expect(json).toMatchObject({
      tokens: { size: 2, hits: 3, misses: 2, hitRate: 0.6, byKind: { other: { hits: 3, misses: 2 } } },
      credentials: { size: 1, ttlSeconds: 3600 },
      blacklist: { ttlSeconds: 300 },
      statistics: { ttlSeconds: 300 },
    })
  })
})
