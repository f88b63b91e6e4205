import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { HotwellError } from 'hotwell'
import { z } from 'zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountsPath, accountTarget } from '../http/account-target.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts, oneAccountSchema } from './account-schemas.ts'

const body = z
  .strictObject({
    username: z.string().optional(),
    password: z.string().meta({ format: 'password', writeOnly: true }).optional(),
  })
  .meta({ example: { password: 'another correct horse' } })

/** `PATCH /api/v1/accounts/{site}/{account}`: a new password or user name. */
export function accountUpdate(app: FastifyInstance, { accounts, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().patch(
    `${accountsPath}/:site/:account`,
    {
      schema: {
        ...oneAccountSchema,
        operationId: 'updateAccount',
        summary: 'Give an account a new password or user name',
        description:
          'A bar for wrong passwords, the spent lock-out budget and a cool-down end with it; a bar by hand stays. The ' +
          'same password again changes nothing. Needs the action `accounts`.',
        body,
        response: { 200: accountFacts.describe('The account as it is now.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const target = accountTarget(request.raw.url!)
      const ref = accountRef(target)
      assertCovered(caller, ref)
      const { username, password } = request.body
      if (username === undefined && password === undefined) {
        throw new HotwellError('invalid_request', 'There is nothing to change: give a password, a username, or both.')
      }
      const facts = await accounts.update(target.site, target.account, { username, password })
      log.info({ ref, caller: caller.name }, 'Account changed')
      return accountReply(facts)
    },
  )
}
