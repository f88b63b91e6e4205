import { acquisitionStatuses, acquisitionTriggers } from 'hotwell'
import { z } from 'zod'

export const historyPath = '/api/v1/history'

export const site = z.string().optional().describe('Only this site: the name of its provider.')
export const account = z.string().optional().describe('Only this subject: the account, tenant or user.')
export const kind = z.string().optional().describe('Only tokens of this kind.')

/** One acquisition. */
export const recordReply = z
  .object({
    id: z.string(),
    ref: z.string(),
    provider: z.string(),
    kind: z.string(),
    subject: z.string().nullable(),
    credentialId: z.string().nullable().describe('Which version of the credential was used.'),
    status: z.enum(acquisitionStatuses),
    trigger: z.enum(acquisitionTriggers).describe('Why it was made.'),
    refresh: z.boolean().describe('It renewed a token that was there.'),
    unchanged: z.boolean().describe('The provider returned the same token again.'),
    attempts: z.int().describe('How often the provider was asked.'),
    totalMs: z.number().describe('From the beginning to the end, waits included.'),
    providerMs: z.number(),
    loginMs: z.number().nullable(),
    queueWaitMs: z.number().describe('Waited for the gate.'),
    captchaAttempts: z.int(),
    networkRetries: z.int(),
    fingerprint: z
      .string()
      .nullable()
      .describe('The first 16 hex digits of the SHA-256 of the token; never the token.'),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    errorDetails: z.string().nullable().describe('The failures behind it, one a line.'),
    generation: z.int().nullable(),
    node: z.string().describe('Which process of which machine.'),
    createdAt: z.string(),
    startedAt: z.string().nullable().describe('When the provider was first asked.'),
    finishedAt: z.string(),
  })
  .meta({
    example: {
      id: '0198f0a2-7c1e-7a51-9d5c-2f6f4f1f9b1e',
      ref: 'court_zxfw/account/zhang',
      provider: 'court_zxfw',
      kind: 'account',
      subject: 'zhang',
      credentialId: 'Nq7nHn0pXm2k',
      status: 'success',
      trigger: 'preheat',
      refresh: true,
      unchanged: false,
      attempts: 1,
      totalMs: 2841.2,
      providerMs: 2838.9,
      loginMs: 2838.9,
      queueWaitMs: 0.1,
      captchaAttempts: 1,
      networkRetries: 0,
      fingerprint: '9f86d081884c7d65',
      errorCode: null,
      errorMessage: null,
      errorDetails: null,
      generation: 1769858400000,
      node: 'web-1-4f2a1c',
      createdAt: '2026-01-31T10:31:04.671Z',
      startedAt: '2026-01-31T10:31:04.673Z',
      finishedAt: '2026-01-31T10:31:07.512Z',
    },
  })
export type RecordReply = z.infer<typeof recordReply>

const outcome = {
  total: z.int(),
  successes: z.int(),
  successRate: z.number().describe('0 to 1; 0 when there were none.'),
  meanSeconds: z.number().describe('Waits and failed ones included.'),
}

/** What acquisitions came to. */
export const statisticsReply = z
  .object({
    fromAt: z.string(),
    toAt: z.string(),
    ...outcome,
    byStatus: z.record(z.string(), z.int()),
    bySite: z.array(z.object({ site: z.string(), ...outcome })).describe('Those with most acquisitions first.'),
    byDay: z.array(z.object({ day: z.string().describe('In UTC.'), ...outcome })).describe('The oldest first.'),
    byAccount: z
      .array(
        z.object({
          site: z.string(),
          kind: z.string(),
          account: z.string(),
          ...outcome,
          attempts: z.int(),
          p50Seconds: z.number(),
          p95Seconds: z.number(),
          lastSuccessAt: z.string().nullable(),
        }),
      )
      .describe('Those with most acquisitions first, at most 1,000.'),
  })
  .meta({
    example: {
      fromAt: '2026-01-24T12:00:00.000Z',
      toAt: '2026-01-31T12:00:00.001Z',
      total: 412,
      successes: 405,
      successRate: 0.983,
      meanSeconds: 2.71,
      byStatus: { success: 405, captcha_error: 5, timeout: 2 },
      bySite: [{ site: 'court_zxfw', total: 412, successes: 405, successRate: 0.983, meanSeconds: 2.71 }],
      byDay: [{ day: '2026-01-31', total: 61, successes: 61, successRate: 1, meanSeconds: 2.64 }],
      byAccount: [
        {
          site: 'court_zxfw',
          kind: 'account',
          account: 'zhang',
          total: 84,
          successes: 84,
          successRate: 1,
          meanSeconds: 2.6,
          attempts: 85,
          p50Seconds: 2.5,
          p95Seconds: 3.9,
          lastSuccessAt: '2026-01-31T11:58:12.004Z',
        },
      ],
    },
  })
export type StatisticsReply = z.infer<typeof statisticsReply>
