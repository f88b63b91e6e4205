import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { accountRef, accountsPath } from '../http/account-target.ts'
import { assertSite } from '../http/known-sites.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts, siteQuery } from './account-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET /api/v1/accounts`: the accounts that the caller's key covers; never a password. */
export function accountList(app: FastifyInstance, { accounts, tokens, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    accountsPath,
    {
      schema: {
        tags: ['accounts'],
        operationId: 'listAccounts',
        summary: 'The accounts of sites, without their passwords',
        description: 'Lists what the API key covers as `site/account/name`. Needs the action `accounts`.',
        security: keySecurity,
        querystring: siteQuery,
        response: { 200: z.object({ accounts: z.array(accountFacts) }).describe('In order of site and account.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const { site } = request.query
      const found = await accounts.list({ site })
      if (site !== undefined && found.length === 0) assertSite(tokens, site, caller)
      return { accounts: found.filter(facts => caller.covers(accountRef(facts))).map(accountReply) }
    },
  )
}
