import { text } from 'node:stream/consumers'
import { serverClient, tokenPath } from '../client/server-client.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'

/** `hotwell token invalidate REF`: drops a token that an API rejected. */
export const tokenInvalidateCommand = () =>
  clientCommand('invalidate')
    .summary('drop a token that was rejected')
    .description(
      'Drops the token, for everybody who shares the store. With --rejected the rejected token is read from standard ' +
        'input, and dropped only if it is still the current one.',
    )
    .argument('<ref>', 'the token, such as feishu/tenant/acme')
    .option('--rejected', 'read the rejected token from standard input')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell token invalidate feishu/tenant/acme
  $ echo "$TOKEN" | hotwell token invalidate feishu/tenant/acme --rejected`,
    )
    .action(async (ref, { url, json, rejected }) => {
      const body = rejected ? { token: (await text(process.stdin)).trim() } : undefined
      const reply = await serverClient({ url }).post<{ ref: string; invalidated: boolean }>(
        tokenPath(ref, 'invalidate'),
        body,
      )
      if (json) return printJson(reply)
      print(
        reply.invalidated ? `${reply.ref} was dropped` : `${reply.ref} was kept: it is not the current one any more`,
      )
    })
