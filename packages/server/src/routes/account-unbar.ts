import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountTarget, blacklistPath } from '../http/account-target.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts, oneAccountSchema } from './account-schemas.ts'

/** `DELETE /api/v1/blacklist/{site}/{account}`: the account may be used again. */
export function accountUnbar(app: FastifyInstance, { accounts, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().delete(
    `${blacklistPath}/:site/:account`,
    {
      schema: {
        ...oneAccountSchema,
        operationId: 'unbarAccount',
        summary: 'Let a barred account be used again',
        description:
          'Ends its bars of either cause and gives it its lock-out budget back; an account without a bar is answered ' +
          'likewise. Needs the action `accounts`.',
        response: { 200: accountFacts.describe('The account as it is now.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const target = accountTarget(request.raw.url!)
      const ref = accountRef(target)
      assertCovered(caller, ref)
      const facts = await accounts.unbar(target.site, target.account)
      log.info({ ref, caller: caller.name }, 'Account unbarred')
      return accountReply(facts)
    },
  )
}
