import { Command } from '@commander-js/extra-typings'
import { version } from '../version.ts'
import { accountAddCommand } from './account-add.ts'
import { accountBarCommand } from './account-bar.ts'
import { accountListCommand } from './account-list.ts'
import { accountRemoveCommand } from './account-remove.ts'
import { accountUnbarCommand } from './account-unbar.ts'
import { accountUpdateCommand } from './account-update.ts'
import { configCheckCommand } from './config-check.ts'
import { demoCommand } from './demo.ts'
import { exitCodesHelp } from './exit-codes.ts'
import { historyCommand } from './history.ts'
import { keysCreateCommand } from './keys-create.ts'
import { keysListCommand } from './keys-list.ts'
import { keysRevokeCommand } from './keys-revoke.ts'
import { optimizeCommand } from './optimize.ts'
import { refusePasswordArguments } from './password.ts'
import { sealRotateCommand } from './seal-rotate.ts'
import { serveCommand } from './serve.ts'
import { syncCancelCommand } from './sync-cancel.ts'
import { syncDeadLettersCommand } from './sync-dead-letters.ts'
import { syncListCommand } from './sync-list.ts'
import { syncPauseCommand } from './sync-pause.ts'
import { syncPerformanceCommand } from './sync-performance.ts'
import { syncResumeCommand } from './sync-resume.ts'
import { syncRetryCommand } from './sync-retry.ts'
import { syncRunCommand } from './sync-run.ts'
import { syncStatusCommand } from './sync-status.ts'
import { syncVerifyCommand } from './sync-verify.ts'
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
  const account = new Command('account')
    .description('Look after the accounts that a running server logs in to sites with.')
    .addCommand(accountAddCommand())
    .addCommand(accountListCommand())
    .addCommand(accountUpdateCommand())
    .addCommand(accountBarCommand())
    .addCommand(accountUnbarCommand())
    .addCommand(accountRemoveCommand())
    .addHelpText(
      'after',
      `
Passwords are asked for without an echo, or read from standard input; never from the command line.
The server is named by --url or HOTWELL_URL, the API key is read from HOTWELL_API_KEY.

Examples:
  $ hotwell account add court_zxfw zhang
  $ hotwell account list --site court_zxfw`,
    )
  refusePasswordArguments(account as never)
  const sync = new Command('sync')
    .description('Run the syncs of a running server, and look after them.')
    .addCommand(syncListCommand())
    .addCommand(syncRunCommand())
    .addCommand(syncStatusCommand())
    .addCommand(syncPauseCommand())
    .addCommand(syncResumeCommand())
    .addCommand(syncCancelCommand())
    .addCommand(syncRetryCommand())
    .addCommand(syncDeadLettersCommand())
    .addCommand(syncVerifyCommand())
    .addCommand(syncPerformanceCommand())
    .addHelpText(
      'after',
      `
The server is named by --url or HOTWELL_URL, the API key is read from HOTWELL_API_KEY.

Examples:
  $ hotwell sync list
  $ hotwell sync run plant
  $ hotwell sync verify plant --repair`,
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
    .addCommand(account as never)
    .addCommand(sync as never)
    .addCommand(historyCommand() as never)
    .addCommand(optimizeCommand() as never)
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
  $ hotwell account add court_zxfw zhang    add an account to log in with
  $ hotwell sync run plant                  copy data, and watch it
  $ hotwell optimize                        check the health of a running server
  $ hotwell keys create worker              make an API key`,
    ) as Command
}
