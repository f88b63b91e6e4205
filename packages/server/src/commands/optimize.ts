import { Option } from '@commander-js/extra-typings'
import { serverClient } from '../client/server-client.ts'
import { CommandFailure } from './exit-codes.ts'
import { runOptimization } from './optimization.ts'
import { optimizeReport } from './optimize-report.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'
import { wholeNumber } from './whole-number.ts'

/** `hotwell optimize`: looks after a running server, in one report whose exit code says how it is. */
export const optimizeCommand = () =>
  clientCommand('optimize')
    .summary('check the health of a server, and tidy, warm and tune it')
    .description(
      'Checks, tidies, warms and tunes a running server, and reports it all in one. Without one of the flags it checks ' +
        'the health and changes nothing. Several are done in this order, whatever their order on the command line.',
    )
    .option('--health-check', 'judge the health: alerts, anomalies, the figures of now')
    .option(
      '--cleanup-days <number>',
      'drop history older than so many days (1 to 90), expired bars, settled slots, dead claims',
      wholeNumber(1, 90),
    )
    .option('--warm-cache <site...>', 'acquire the tokens of these sites before anybody waits for them')
    .option('--optimize-concurrency', 'recommend limits from history and usage')
    .addOption(
      new Option('--apply', 'put the recommended limits in force; prints the ID to undo it with').implies({
        optimizeConcurrency: true,
      }),
    )
    .addOption(
      new Option('--undo <id>', 'take an applied change back')
        .conflicts('apply')
        .implies({ optimizeConcurrency: true }),
    )
    .option('--reset-metrics', 'begin the live figures anew; history stays')
    .addHelpText(
      'after',
      `
Exit codes:
  0  healthy; without a health check: all was done
  1  warning or degraded, or a step failed; the report says which
  2  unhealthy, or the command was not understood (then nothing was done, and there is no report)
  3, 4  no server answers at the URL; the server refused the API key

Examples:
  $ hotwell optimize
  $ hotwell optimize --health-check --cleanup-days 30 --warm-cache court_zxfw
  $ hotwell optimize --optimize-concurrency
  $ hotwell optimize --optimize-concurrency --apply
  $ hotwell optimize --optimize-concurrency --undo 3f2a9c
  $ hotwell optimize --health-check --json | jq .health.state`,
    )
    .action(async ({ url, json, ...asked }) => {
      const client = serverClient({ url })
      const result = await runOptimization(client, asked, showProgress)
      if (json) printJson(result)
      else print(optimizeReport(result))
      if (result.exitCode !== 0) throw new CommandFailure(result.verdict, result.exitCode)
    })

/** Says on a terminal what is being waited for, and takes it away again. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}
