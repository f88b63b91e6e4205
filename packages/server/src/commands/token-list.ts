import { serverClient } from '../client/server-client.ts'
import type { TokenFacts } from '../routes/token-schemas.ts'
import { duration, print, printJson, table } from './output.ts'
import { clientCommand } from './server-options.ts'

/** `hotwell token list`: the state of each token, never a value. */
export const tokenListCommand = () =>
  clientCommand('list')
    .summary('list the tokens, without their values')
    .description('Lists the tokens in use or in the manifest, with state and life; never a value.')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell token list
  $ hotwell token list --json | jq '.tokens[] | select(.failure)'`,
    )
    .action(async ({ url, json }) => {
      const reply = await serverClient({ url }).get<{ tokens: TokenFacts[] }>('/api/v1/tokens')
      if (json) return printJson(reply)
      if (reply.tokens.length === 0) return print('No token is in use yet, and none is in the manifest.')
      const rows = reply.tokens.map(({ ref, state, expiresInSeconds: left, renewals, failure }) => [
        ref,
        state,
        left === null ? '' : duration(left),
        String(renewals),
        failure ? `${failure.code}: ${failure.message}` : '',
      ])
      print(table(['Token', 'State', 'Ends in', 'Renewals', 'Last failure'], rows))
    })
