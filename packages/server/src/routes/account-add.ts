import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { makeRef } from 'hotwell'
import { z } from 'zod'
import { assertCovered } from '../http/access.ts'
import { accountRef, accountsPath } from '../http/account-target.ts'
import { assertSite } from '../http/known-sites.ts'
import type { ServerContext } from '../http/server-context.ts'
import { accountReply } from './account-facts.ts'
import { accountFacts } from './account-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const body = z
  .strictObject({
    site: z.string().describe('The name of a provider with accounts.'),
    account: z.string().describe('1 to 256 bytes, without control characters and markup.'),
    username: z.string().optional().describe('What it logs in as; without it, what the account is called.'),
    password: z.string().meta({ format: 'password', writeOnly: true }),
  })
  .meta({
    example: { site: 'court_zxfw', account: 'zhang', username: '13800000000', password: 'correct horse battery' },
  })

/** `POST /api/v1/accounts`: an account to log in with; its password is kept sealed. */
export function accountAdd(app: FastifyInstance, { accounts, tokens, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().post(
    accountsPath,
    {
      schema: {
        tags: ['accounts'],
        operationId: 'addAccount',
        summary: 'Add an account to log in with',
        description: 'Its password is kept sealed and never told. Needs the action `accounts`.',
        security: keySecurity,
        querystring: z.strictObject({}),
        body,
        response: { 201: accountFacts.describe('The account, without its password.') },
      },
    },
    async (request, reply) => {
      const caller = access.allow(request.raw, 'accounts')
      const { site, account, username, password } = request.body
      assertCovered(caller, accountRef({ site, account }))
      assertSite(tokens, site, caller)
      const { canonical } = makeRef({ provider: site, kind: 'account', subject: account })
      const facts = await accounts.add(site, account, { username, password })
      log.info({ ref: canonical, caller: caller.name }, 'Account added')
      const location = `${accountsPath}/${encodeURIComponent(site)}/${encodeURIComponent(account)}`
      return reply.code(201).header('location', location).send(accountReply(facts))
    },
  )
}
