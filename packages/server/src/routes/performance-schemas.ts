import { z } from 'zod'

const lookups = { hits: z.int(), misses: z.int(), hitRate: z.number().describe('0 to 1; 0 before the first lookup.') }
const cache = z.object({
  size: z.int(),
  ...lookups,
  evictions: z.int().describe('Pushed out for want of room.'),
  ttlSeconds: z.number(),
})

const figures = { size: 4, hits: 120, misses: 6, hitRate: 0.952, evictions: 0, ttlSeconds: 300 }

export const cacheExample = {
  tokens: {
    size: 9,
    hits: 53210,
    misses: 12,
    hitRate: 0.9998,
    byKind: {
      app: { hits: 1320, misses: 1, hitRate: 0.999 },
      tenant: { hits: 41890, misses: 6, hitRate: 0.9999 },
      user: { hits: 0, misses: 0, hitRate: 0 },
      other: { hits: 10000, misses: 5, hitRate: 0.9995 },
    },
  },
  credentials: { ...figures, ttlSeconds: 3600 },
  blacklist: figures,
  statistics: figures,
}

/** How the caches do. */
export const cacheReply = z
  .object({
    tokens: z
      .object({
        size: z.int().describe('Tokens that live.'),
        ...lookups,
        byKind: z.record(z.string(), z.object(lookups)),
      })
      .describe('Lookups answered at once, and those that waited for an acquisition.'),
    credentials: cache,
    blacklist: cache,
    statistics: cache,
  })
  .meta({ example: cacheExample })
export type CacheReply = z.infer<typeof cacheReply>

const dimension = z.record(
  z.string(),
  z.object({
    total: z.int(),
    successful: z.int(),
    failed: z.int(),
    successRate: z.number(),
    avgDurationSeconds: z.number(),
    maxDurationSeconds: z.number(),
  }),
)
const average = z.object({
  acquisitions: z.int(),
  perSecond: z.number(),
  avgDurationSeconds: z.number(),
  successRate: z.number(),
})

const averageExample = { acquisitions: 12, perSecond: 0.2, avgDurationSeconds: 2.7, successRate: 1 }
const dimensionExample = {
  ...{ total: 412, successful: 405, failed: 7, successRate: 0.983 },
  ...{ avgDurationSeconds: 2.71, maxDurationSeconds: 14.2 },
}

/** The live figures of this process. */
export const metricsReply = z
  .object({
    sinceAt: z.string().describe('The start of the process, or the last reset.'),
    totalAcquisitions: z.int(),
    successful: z.int(),
    failed: z.int(),
    successRate: z.number().describe('1 before the first acquisition.'),
    avgDurationSeconds: z.number().describe('Waits and failed ones included.'),
    p50Seconds: z.number(),
    p95Seconds: z.number(),
    p99Seconds: z.number(),
    avgLoginDurationSeconds: z.number().describe('Of the logins alone.'),
    timeouts: z.int(),
    networkErrors: z.int(),
    captchaErrors: z.int(),
    credentialErrors: z.int(),
    rateLimited: z.int(),
    otherErrors: z.int(),
    concurrent: z.int().describe('Under way now.'),
    peakConcurrent: z.int(),
    throughputPerSecond: z.number().describe('Over the last minute.'),
    peakThroughputPerSecond: z.number(),
    cacheHitRate: z.number().describe('Share of the lookups that were answered at once; 0 before the first.'),
    movingAverages: z.object({ oneMinute: average, fiveMinutes: average, fifteenMinutes: average }),
    byProvider: dimension,
    byKind: dimension.describe('By `provider/kind`.'),
    bySite: dimension.describe('Providers that are logged in to with accounts.'),
    byAccount: dimension.describe('By `site/account`.'),
    forgottenAccounts: z.int().describe('Accounts whose figures were given up, there being too many.'),
  })
  .meta({
    example: {
      sinceAt: '2026-01-31T08:00:00.000Z',
      ...{ totalAcquisitions: 412, successful: 405, failed: 7, successRate: 0.983 },
      ...{ avgDurationSeconds: 2.71, p50Seconds: 2.5, p95Seconds: 4.1, p99Seconds: 9.8, avgLoginDurationSeconds: 2.6 },
      ...{ timeouts: 1, networkErrors: 1, captchaErrors: 4, credentialErrors: 1, rateLimited: 0, otherErrors: 0 },
      ...{ concurrent: 2, peakConcurrent: 3, throughputPerSecond: 0.2, peakThroughputPerSecond: 1.4 },
      cacheHitRate: 0.9998,
      movingAverages: { oneMinute: averageExample, fiveMinutes: averageExample, fifteenMinutes: averageExample },
      byProvider: { court_zxfw: dimensionExample },
      byKind: { 'court_zxfw/account': dimensionExample },
      bySite: { court_zxfw: dimensionExample },
      byAccount: { 'court_zxfw/zhang': dimensionExample },
      forgottenAccounts: 0,
    },
  })

const state = z.enum(['healthy', 'warning', 'degraded', 'unhealthy'])

/** How the server does. */
export const healthReply = z
  .object({
    state,
    alerts: z.array(
      z.object({
        rule: z.string().describe('The field of `alerts` that sets its threshold, or the name of a rule of your own.'),
        severity: z.enum(['low', 'medium', 'high']),
        value: z.number(),
        threshold: z.number(),
        message: z.string(),
        sinceAt: z.string(),
      }),
    ),
    anomalies: z
      .array(
        z.object({
          metric: z.string(),
          value: z.number(),
          baseline: z.number(),
          zScore: z.number(),
          message: z.string(),
          sinceAt: z.string(),
        }),
      )
      .describe('What is far from what it was; it does not change the state.'),
    checks: z.array(
      z.object({
        name: z.enum(['store', 'accounts', 'providers', 'history']),
        state,
        problems: z.array(z.string()).describe('Whole sentences; none when all is well.'),
      }),
    ),
    checkedAt: z.string(),
  })
  .meta({
    example: {
      state: 'unhealthy',
      alerts: [
        {
          ...{ rule: 'minSuccessRate', severity: 'high', value: 0.5, threshold: 0.8 },
          message: '6 of 12 acquisitions succeeded in the last 15 min, 50.0%; expected are 80.0%.',
          sinceAt: '2026-01-31T11:58:12.004Z',
        },
      ],
      anomalies: [],
      checks: [
        { name: 'store', state: 'healthy', problems: [] },
        { name: 'accounts', state: 'healthy', problems: [] },
        { name: 'providers', state: 'healthy', problems: [] },
        { name: 'history', state: 'healthy', problems: [] },
      ],
      checkedAt: '2026-01-31T12:00:00.000Z',
    },
  })
export type HealthReply = z.infer<typeof healthReply>

const outlook = z.object({
  acquisitions: z.int(),
  utilisation: z.number().describe('Running now, as a share of the limit.'),
  meanWaitSeconds: z.number(),
  p95WaitSeconds: z.number(),
  queueTimeouts: z.int(),
  rateLimitedShare: z.number(),
  failureShare: z.number(),
  verdict: z.string().describe('Why its limits should move, or stay.'),
})
const outlookExample = {
  ...{ acquisitions: 412, utilisation: 1, meanWaitSeconds: 1.8, p95WaitSeconds: 6.2 },
  ...{ queueTimeouts: 3, rateLimitedShare: 0, failureShare: 0.017 },
  verdict:
    'Acquisitions wait 1.8 s in the mean for their turn while 98.3% of 412 succeed: more at once would wait less.',
}

/** Advice on the limits of the gate, and what became of it. */
export const concurrencyReply = z
  .object({
    recommendations: z
      .array(
        z.object({
          field: z.string().describe('The limit, as in `gate` of the configuration.'),
          current: z.number(),
          recommended: z.number(),
          reason: z.string(),
          confidence: z.number().describe('0 to 1: how many acquisitions it rests on, and how clear they are.'),
        }),
      )
      .describe('None while the limits fit what was seen, or too little was seen.'),
    logins: outlook.optional().describe('What was seen of logins.'),
    others: outlook.optional().describe('What was seen of all other acquisitions.'),
    applied: z.boolean(),
    changeId: z.string().nullable().describe('To take the change back with; null when nothing was changed.'),
    undone: z.string().optional().describe('The change that was taken back.'),
    limits: z.record(z.string(), z.number().nullable()).describe('Those in force now; null: none.'),
  })
  .meta({
    example: {
      recommendations: [
        {
          ...{ field: 'maxConcurrentPerSite', current: 2, recommended: 3, confidence: 0.72 },
          reason:
            'Acquisitions wait 1.8 s in the mean for their turn, 6.2 s at P95; 3 gave up waiting, while 98.3% of 412 ' +
            'succeed: more at once would wait less.',
        },
      ],
      logins: outlookExample,
      others: { ...outlookExample, acquisitions: 96, utilisation: 0, meanWaitSeconds: 0, p95WaitSeconds: 0 },
      applied: true,
      changeId: '3f2a9c1b',
      limits: { maxConcurrentAcquisitions: 3, maxConcurrentPerSite: 3 },
    },
  })
