import { Command, Option } from '@commander-js/extra-typings'
import { logLevels } from '../log-levels.ts'
import { portNumber } from './port-number.ts'
import { runUntilStopped, stopSignal } from './run-until-stopped.ts'

/** `hotwell serve`: the server, with logs as JSON lines on standard output. */
export const serveCommand = () =>
  new Command('serve')
    .summary('serve tokens over HTTP')
    .description(
      'Serves tokens over HTTP. Reads hotwell.config.{ts,js,json,yaml} in this folder and the environment; reads the file ' +
        'again when it changes, and on SIGHUP. Without a configuration: SQLite in ./data, 127.0.0.1, port 8000.',
    )
    .option('--config <file>', 'the configuration (default: hotwell.config.* in this folder)')
    .option('--host <address>', 'the address to listen on; another than loopback needs an API key')
    .option('--port <number>', 'the port to listen on; 0 takes a free one', portNumber)
    .option('--data <dir>', 'the data folder')
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(logLevels))
    .option('--no-watch', 'do not read the configuration again when its file changes')
    .addHelpText(
      'after',
      `
Environment:
  HOTWELL_HOST, HOTWELL_PORT, HOTWELL_DATA_DIR, HOTWELL_NAMESPACE, HOTWELL_LOG_LEVEL   go before the file
  HOTWELL_ENCRYPTION_KEY   seals stored tokens: 32 bytes in base64; several, newest first, separated by commas

Signals:
  SIGTERM, SIGINT   stop in order; a second one stops at once
  SIGHUP            read the configuration again

Examples:
  $ hotwell serve
  $ hotwell serve --config /etc/hotwell/hotwell.config.yaml --data /var/lib/hotwell
  $ hotwell keys create worker && hotwell serve --host 0.0.0.0`,
    )
    .action(async ({ config: configFile, host, port, data, logLevel, watch }) => {
      // Loaded when it is needed: the commands that only ask a server start in a fraction of the time without it.
      const { createServer } = await import('../create-server.ts')
      const { createLogger } = await import('../create-logger.ts')
      const { loadConfig } = await import('../config/load-config.ts')
      const overrides = { host, port, dataDir: data, logLevel }
      const { config, path } = await loadConfig({ configFile, overrides })
      const log = createLogger(config.logLevel)
      const signalled = stopSignal()
      const server = await createServer({ configFile, overrides, logger: log, watch })
      log.info(
        { url: server.url, config: path ?? null, providers: Object.keys(config.providers), keys: server.keysRequired },
        `Listening on ${server.url}`,
      )
      process.on('SIGHUP', () => void server.reload())
      await runUntilStopped(signalled, async signal => {
        log.info({ signal }, 'Stopping')
        await server.close()
        log.info({}, 'Stopped')
        log.flush()
      })
    })
