import { z } from 'zod'
import { keySecurity } from './token-schemas.ts'

const site = z.string().meta({ description: 'The name of a provider of kind `account`.', example: 'court_zxfw' })
const account = z.string().meta({ description: '1 to 256 bytes; in a path as one segment.', example: 'zhang' })
const instantText = z.string().nullable()

export const siteQuery = z.strictObject({ site: site.optional().describe('Only this site.') })

/** What all routes share that are about one account. The handler reads its names from the URL itself. */
export const oneAccountSchema = {
  tags: ['accounts'],
  security: keySecurity,
  params: z.object({ site, account }),
  querystring: z.strictObject({}),
}

const bar = z.object({
  cause: z.enum(['credential', 'manual']).describe('`credential`: the site refused the password.'),
  reason: z.string(),
  until: instantText.describe('RFC 3339; null: until it is unbarred, or has a new credential.'),
})

const example = {
  site: 'court_zxfw',
  account: 'zhang',
  username: '13800000000',
  credentialId: '0f8c2b7e91d34a55',
  state: 'available',
  score: 169.5,
  successes: 50,
  failures: 1,
  successRate: 0.98,
  lastSuccessAt: '2026-01-31T11:30:00.000Z',
  lastUsedAt: '2026-01-31T11:30:00.000Z',
  coolingUntil: null,
  bar: null,
  budget: { tries: 2, spent: 0, windowSeconds: 86_400, nextAt: null },
  createdAt: '2026-01-02T08:00:00.000Z',
  updatedAt: '2026-01-02T08:00:00.000Z',
} as const

export const accountFacts = z
  .object({
    site: z.string(),
    account: z.string(),
    username: z.string(),
    credentialId: z.string().describe('Names this version of user name and password.'),
    state: z
      .enum(['available', 'cooling', 'barred', 'spent'])
      .describe('`cooling`: left alone for a while. `spent`: its lock-out budget is.'),
    score: z.number().describe('The pool prefers the highest.'),
    successes: z.int(),
    failures: z.int(),
    successRate: z.number().describe('0 to 1.'),
    lastSuccessAt: instantText,
    lastUsedAt: instantText,
    coolingUntil: instantText,
    bar: bar.nullable(),
    budget: z
      .object({ tries: z.int(), spent: z.int(), windowSeconds: z.number(), nextAt: instantText })
      .describe('How many passwords that are not known to be right may be sent, and how many were.'),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ example })
export type AccountReply = z.infer<typeof accountFacts>

export const barFacts = bar.extend({ site: z.string(), account: z.string(), barredAt: z.string() }).meta({
  example: {
    site: 'court_zxfw',
    account: 'wang',
    cause: 'credential',
    reason: 'The site refused the password.',
    barredAt: '2026-01-31T11:30:00.000Z',
    until: '2026-01-31T12:30:00.000Z',
  },
})
export type BarReply = z.infer<typeof barFacts>
