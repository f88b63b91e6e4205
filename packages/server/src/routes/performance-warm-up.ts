import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertProvider } from '../http/known-sites.ts'
import { noBody, performancePaths, siteName, siteNameOf } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { siteRefs } from '../performance/site-refs.ts'
import { wholeNumber } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const seconds = wholeNumber(0, 300)

const querystring = z.strictObject({
  ...siteName,
  timeout_seconds: seconds.optional().describe('How long to wait for the tokens, 0 to 300; 30 without it.'),
  timeoutSeconds: seconds.optional().describe('The same as `timeout_seconds`.'),
})

const report = z
  .object({
    siteName: z.string().nullable(),
    warm: z.array(z.string()).describe('Tokens that are there.'),
    failed: z.array(z.object({ ref: z.string(), code: z.string(), message: z.string() })),
    pending: z.array(z.string()).describe('Under way or waiting for their turn; that goes on.'),
    skipped: z
      .array(z.object({ ref: z.string(), state: z.string() }))
      .describe('Accounts that are barred, cool down, or have spent their lock-out budget.'),
    progress: z.object({
      total: z.int(),
      kept: z.int().describe('They were there before.'),
      acquired: z.int(),
      failed: z.int(),
      pending: z.int(),
      failedByCode: z.record(z.string(), z.int()),
      perSecond: z.number().describe('Acquired or failed, in the mean since it began.'),
      secondsLeft: z.number().nullable().describe('At this pace; null before the first has ended.'),
    }),
  })
  .meta({
    example: {
      siteName: 'court_zxfw',
      warm: ['court_zxfw/account/zhang', 'court_zxfw/account/li'],
      failed: [{ ref: 'court_zxfw/account/chen', code: 'provider_error', message: 'The site answered 500.' }],
      pending: [],
      skipped: [{ ref: 'court_zxfw/account/wang', state: 'barred' }],
      progress: {
        ...{ total: 3, kept: 1, acquired: 1, failed: 1, pending: 0, failedByCode: { provider_error: 1 } },
        ...{ perSecond: 0.4, secondsLeft: 0 },
      },
    },
  })

/** `POST …/cache/warm-up`: acquires what is not there, before anybody waits for it. */
export function performanceWarmUp(app: FastifyInstance, context: ServerContext): void {
  const { tokens, accounts, access, readiness, warmUp, log } = context
  for (const { path, operationId } of performancePaths('cache/warm-up', 'warmUpCache')) {
    app.withTypeProvider<ZodTypeProvider>().post(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'Acquire tokens before anybody waits for them',
          description:
            'Of a site: its tokens in the manifest, those in use, and those of all accounts that may be logged in with ' +
            'now, within the limits of the gate and as many at once as each provider bears. Without a site: of all sites ' +
            'and the manifest. A token that lives is left as it is, a failure of one keeps no other back. Asked again ' +
            'meanwhile, it tells how far it is and acquires nothing twice. Needs the action `admin`.',
          security: keySecurity,
          querystring,
          body: noBody,
          response: { 200: report.describe('How far it is.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'admin')
        const site = siteNameOf(request.query)
        if (site !== undefined) assertProvider(tokens, site, caller)
        const { timeout_seconds, timeoutSeconds = timeout_seconds } = request.query
        const { manifest } = readiness
        const { refs, skipped } = await siteRefs({ tokens, accounts, manifest }, site)
        const covered = refs.filter(ref => caller.covers(ref))
        log.info({ site, refs: covered.length, caller: caller.name }, 'Warm-up on request')
        const told = await warmUp.begin(covered).report({ timeoutSeconds })
        return { siteName: site ?? null, ...told, skipped: skipped.filter(({ ref }) => caller.covers(ref)) }
      },
    )
  }
}
