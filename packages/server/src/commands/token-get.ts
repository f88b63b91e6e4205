import { InvalidArgumentError } from '@commander-js/extra-typings'
import { serverClient, tokenPath } from '../client/server-client.ts'
import { duration, print, printJson, table } from './output.ts'
import { clientCommand } from './server-options.ts'

interface TokenReply {
  ref: string
  token: string
  tokenType: string
  expiresAt: string | null
  expiresInSeconds: number | null
  generation: number
  state: string
  source: string
}

/** `hotwell token get REF`: the token alone on standard output, so that it can be used in another command. */
export const tokenGetCommand = () =>
  clientCommand('get')
    .summary('print a token')
    .description('Prints the token and nothing else, so that it fits into another command.')
    .argument('<ref>', 'the token, such as feishu/tenant/acme or "crm/client?scope=read"')
    .option('--min-ttl <seconds>', 'the least life that the token should have left', seconds)
    .option('--details', 'print what is known of it, instead of the token')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell token get feishu/tenant/acme
  $ curl -H "Authorization: Bearer $(hotwell token get crm/client)" https://api.example.com/
  $ hotwell token get crm/client --min-ttl 600 --details`,
    )
    .action(async (ref, { url, json, details, minTtl }) => {
      const path = tokenPath(ref, undefined, minTtl === undefined ? {} : { minTtlSeconds: String(minTtl) })
      const reply = await serverClient({ url }).get<TokenReply>(path)
      if (json) return printJson(reply)
      if (!details) return print(reply.token)
      const { expiresAt, expiresInSeconds: left } = reply
      print(
        table(
          ['Token', 'State', 'Type', 'Ends', 'Left', 'Generation', 'Source'],
          [
            [
              reply.ref,
              reply.state,
              reply.tokenType,
              expiresAt ?? 'never',
              left === null ? '' : duration(left),
              String(reply.generation),
              reply.source,
            ],
          ],
        ),
      )
    })

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It has to be a number of seconds from 0 up.')
}
