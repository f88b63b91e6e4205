import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversAll } from '../http/access.ts'
import { accountRef } from '../http/account-target.ts'
import { assertProvider, isSite } from '../http/known-sites.ts'
import { noBody, performancePaths, siteName, siteNameOf } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { keySecurity } from './token-schemas.ts'

const dropped = z
  .object({
    siteName: z.string().nullable(),
    tokens: z.int().describe('Access tokens, here and in the store.'),
    credentials: z.int().describe('Entries of this cache, as of the following two; what they were read from stays.'),
    blacklist: z.int(),
    statistics: z.int(),
  })
  .meta({ example: { siteName: 'court_zxfw', tokens: 5, credentials: 4, blacklist: 1, statistics: 1 } })

/** `DELETE …/cache/clear`: the next caller gets a new token. */
export function performanceCacheClear(app: FastifyInstance, { tokens, accounts, access, log }: ServerContext): void {
  for (const { path, operationId } of performancePaths('cache/clear', 'clearCaches')) {
    app.withTypeProvider<ZodTypeProvider>().delete(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'Drop cached access tokens and what was read of accounts',
          description:
            'Refresh tokens, credentials, bars, lock-out budgets and history stay. The next caller of a token waits for a ' +
            'new one; for accounts that is a login. Needs the action `admin`, of a key that covers the site, or ' +
            'everything.',
          security: keySecurity,
          querystring: z.strictObject(siteName),
          body: noBody,
          response: { 200: dropped.describe('What was dropped.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'admin')
        const site = siteNameOf(request.query)
        assertCoversAll(caller, site === undefined ? '' : `${site}/`)
        if (site !== undefined) assertProvider(tokens, site, caller)
        // A token that only the store has, from before a restart, is dropped with its handle.
        for (const facts of await accounts.list({ site })) {
          if (isSite(tokens, facts.site)) tokens.token(accountRef(facts) as never)
        }
        const count = await tokens.clearTokens({ site })
        const entries = accounts.clearCaches(site)
        log.info({ site, tokens: count, caller: caller.name }, 'Caches cleared on request')
        return { siteName: site ?? null, tokens: count, ...entries }
      },
    )
  }
}
