import { serverClient, tokenPath } from '../client/server-client.ts'
import type { TokenFacts } from '../routes/token-schemas.ts'
import { duration, print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'

/** `hotwell token refresh REF`: acquires a new token now. */
export const tokenRefreshCommand = () =>
  clientCommand('refresh')
    .summary('acquire a new token now')
    .description(
      'Acquires a new token now, whatever is there. Some providers return the same one until it nears its end.',
    )
    .argument('<ref>', 'the token, such as feishu/tenant/acme')
    .addHelpText(
      'after',
      `
Example:
  $ hotwell token refresh feishu/tenant/acme`,
    )
    .action(async (ref, { url, json }) => {
      const facts = await serverClient({ url }).post<TokenFacts>(tokenPath(ref, 'refresh'))
      if (json) return printJson(facts)
      const left = facts.expiresInSeconds
      print(`${facts.ref} is ${facts.state}${left === null ? '' : `, ends in ${duration(left)}`}`)
    })
