import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountsPath, accountTarget } from '../http/account-target.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts, oneAccountSchema } from './account-schemas.ts'

/** `GET /api/v1/accounts/{site}/{account}` */
export function accountGet(app: FastifyInstance, { accounts, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${accountsPath}/:site/:account`,
    {
      schema: {
        ...oneAccountSchema,
        operationId: 'getAccount',
        summary: 'An account, without its password',
        description: 'Needs the action `accounts`.',
        response: { 200: accountFacts.describe('The account, without its password.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const target = accountTarget(request.raw.url!)
      assertCovered(caller, accountRef(target))
      return accountReply(await accounts.get(target.site, target.account))
    },
  )
}
