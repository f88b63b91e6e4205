import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { HotwellError } from 'hotwell'
import { z } from 'zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountTarget, blacklistPath } from '../http/account-target.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts, oneAccountSchema } from './account-schemas.ts'
import { instantText } from './query-schemas.ts'

const dayMs = 86_400_000

const body = z
  .strictObject({
    reason: z.string().optional().describe('Why, for people; at most 500 characters.'),
    until: instantText.optional().describe('When the bar ends, RFC 3339; without it, when it is unbarred.'),
    days: z.int().min(1).max(90).optional().describe('Instead of `until`: so many days from now.'),
  })
  .nullish()
  .meta({ example: { reason: 'on leave', days: 7 } })

/** `PUT /api/v1/blacklist/{site}/{account}`: no login with this account until then. */
export function accountBar(app: FastifyInstance, { accounts, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().put(
    `${blacklistPath}/:site/:account`,
    {
      schema: {
        ...oneAccountSchema,
        operationId: 'barAccount',
        summary: 'Bar an account: nobody logs in with it',
        description: 'In place of an earlier bar by hand. Needs the action `accounts`.',
        body,
        response: { 200: accountFacts.describe('The account as it is now.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'accounts')
      const target = accountTarget(request.raw.url!)
      const ref = accountRef(target)
      assertCovered(caller, ref)
      const { reason, until, days } = request.body ?? {}
      if (until !== undefined && days !== undefined) {
        throw new HotwellError('invalid_request', 'A bar ends either at `until` or after `days`; give one of them.')
      }
      const endsAt = days === undefined ? until : Date.now() + days * dayMs
      const facts = await accounts.bar(target.site, target.account, { reason, until: endsAt })
      log.info({ ref, caller: caller.name }, 'Account barred')
      return accountReply(facts)
    },
  )
}
