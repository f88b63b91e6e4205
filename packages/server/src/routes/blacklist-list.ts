import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { accountRef, blacklistPath } from '../http/account-target.ts'
import { assertSite } from '../http/known-sites.ts'
import type { ServerContext } from '../http/server-context.ts'
import { barReply } from './account-facts.ts'
import { barFacts, siteQuery } from './account-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET /api/v1/blacklist`: the bars in force. */
export function blacklistList(app: FastifyInstance, { accounts, tokens, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    blacklistPath,
    {
      schema: {
        tags: ['accounts'],
        operationId: 'listBars',
        summary: 'The bars in force: who, why and until when',
        description:
          'An account may have one bar of each cause. Lists what the API key covers as `site/account/name`. Needs the ' +
          'action `accounts`.',
        security: keySecurity,
        querystring: siteQuery,
        response: { 200: z.object({ bars: z.array(barFacts) }).describe('In order of site and account.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const { site } = request.query
      const found = await accounts.blacklist({ site })
      if (site !== undefined && found.length === 0) assertSite(tokens, site, caller)
      return { bars: found.filter(bar => caller.covers(accountRef(bar))).map(barReply) }
    },
  )
}
