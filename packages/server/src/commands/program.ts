import { Command } from '@commander-js/extra-typings'
import { version } from '../version.ts'
import { configCheckCommand } from './config-check.ts'
import { demoCommand } from './demo.ts'
import { exitCodesHelp } from './exit-codes.ts'
import { keysCreateCommand } from './keys-create.ts'
import { keysListCommand } from './keys-list.ts'
import { keysRevokeCommand } from './keys-revoke.ts'
import { sealRotateCommand } from './seal-rotate.ts'
import { serveCommand } from './serve.ts'
import { tokenGetCommand } from './token-get.ts'
import { tokenInvalidateCommand } from './token-invalidate.ts'
import { tokenListCommand } from './token-list.ts'
import { tokenRefreshCommand } from './token-refresh.ts'

/** The command line: one file a command, put together here. */
export function createProgram(): Command {
  const token = new Command('token')
    .description('Ask a running server for tokens.')
    .addCommand(tokenGetCommand())
    .addCommand(tokenListCommand())
    .addCommand(tokenRefreshCommand())
    .addCommand(tokenInvalidateCommand())
    .addHelpText(
      'after',
      `
The server is named by --url or HOTWELL_URL, the API key is read from HOTWELL_API_KEY.

Examples:
  $ hotwell token list
  $ hotwell token get feishu/tenant/acme`,
    )
  const keys = new Command('keys')
    .description('Make, list and revoke API keys.')
    .addCommand(keysCreateCommand())
    .addCommand(keysListCommand())
    .addCommand(keysRevokeCommand())
    .addHelpText('after', '\nExample:\n  $ hotwell keys create worker --refs "feishu/*" --actions read')
  const seal = new Command('seal')
    .description('Look after the keys that seal stored tokens.')
    .addCommand(sealRotateCommand())
    .addHelpText('after', '\nExample:\n  $ HOTWELL_ENCRYPTION_KEY="$NEW,$OLD" hotwell seal rotate')
  const config = new Command('config')
    .description('Look at the configuration.')
    .addCommand(configCheckCommand())
    .addHelpText('after', '\nExample:\n  $ hotwell config check')
  return new Command('hotwell')
    .description('Keeps access tokens hot: acquires each once, and renews it before anybody waits.')
    .version(version, '-V, --version')
    .addCommand(serveCommand())
    .addCommand(demoCommand())
    .addCommand(token as never)
    .addCommand(keys as never)
    .addCommand(seal as never)
    .addCommand(config as never)
    .addHelpText(
      'after',
      `${exitCodesHelp}

Examples:
  $ hotwell demo                            watch tokens being renewed, with nothing to set up
  $ hotwell serve                           serve the tokens of hotwell.config.* in this folder
  $ hotwell token get feishu/tenant/acme    print a token
  $ hotwell keys create worker              make an API key`,
    ) as Command
}
