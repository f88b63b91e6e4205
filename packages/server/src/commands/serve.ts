import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import { loadConfig } from '../config/load-config.ts'
import { createLogger } from '../create-logger.ts'
import { createServer } from '../create-server.ts'
import { runUntilStopped } from './run-until-stopped.ts'

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
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
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
      const overrides = { host, port, dataDir: data, logLevel: logLevel as never }
      const { config, path } = await loadConfig({ configFile, overrides })
      const log = createLogger(config.logLevel)
      const server = await createServer({ configFile, overrides, logger: log, watch })
      log.info(
        { url: server.url, config: path ?? null, providers: Object.keys(config.providers), keys: server.keysRequired },
        `Listening on ${server.url}`,
      )
      process.on('SIGHUP', () => void server.reload())
      await runUntilStopped(async signal => {
        log.info({ signal }, 'Stopping')
        await server.close()
        log.info({}, 'Stopped')
        log.flush()
      })
    })

/** @throws InvalidArgumentError for what is no port */
export function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It has to be a whole number from 0 to 65535.')
}
