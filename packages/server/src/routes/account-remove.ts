import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountsPath, accountTarget } from '../http/account-target.ts'
import { isSite } from '../http/known-sites.ts'
import type { ServerContext } from '../http/server-context.ts'
import { oneAccountSchema } from './account-schemas.ts'

/** `DELETE /api/v1/accounts/{site}/{account}` */
export function accountRemove(app: FastifyInstance, { accounts, tokens, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().delete(
    `${accountsPath}/:site/:account`,
    {
      schema: {
        ...oneAccountSchema,
        operationId: 'removeAccount',
        summary: 'Forget an account',
        description:
          'Forgets its password, its bars and its lock-out budget, and drops its token. Its history stays. Needs the ' +
          'action `accounts`.',
        response: { 204: z.null().describe('It is forgotten.') },
      },
    },
    async (request, reply) => {
      const caller = access.allow(request.raw, 'accounts')
      const { site, account } = accountTarget(request.raw.url!)
      const ref = accountRef({ site, account })
      assertCovered(caller, ref)
      await accounts.remove(site, account)
      const inUse = tokens.list().map(token => token.ref)
      // With what the store alone may have, from before a restart.
      const own = new Set(isSite(tokens, site) ? [ref, ...inUse.filter(one => one.startsWith(`${ref}?`))] : [])
      await Promise.all([...own].map(one => tokens.token(one as never).invalidate()))
      log.info({ ref, caller: caller.name }, 'Account removed')
      return reply.code(204).send(null)
    },
  )
}
