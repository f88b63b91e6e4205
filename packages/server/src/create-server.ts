import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as prometheus from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import {
  createTokenManager,
  isHotwellError,
  type Logger,
  type Providers,
  type TokenManager,
  type TokenManagerOptions,
} from 'hotwell'
import { type Accounts, createAccounts } from 'hotwell/accounts'
import { createHistory, type History } from 'hotwell/history'
import { createSyncMonitor, registerSyncMetrics } from 'hotwell/monitoring'
import { buildStore, sealingKeys } from './build-store.ts'
import { buildProviders } from './config/build-providers.ts'
import { canonicalManifest } from './config/canonical-manifest.ts'
import { checkConfig } from './config/check-config.ts'
import type { CheckedConfig, HotwellConfig } from './config/config-schema.ts'
import { configurationError } from './config/configuration-error.ts'
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from './config/load-config.ts'
import { planSyncs } from './config/plan-syncs.ts'
import { watchConfig } from './config/watch-config.ts'
import { createLogger } from './create-logger.ts'
import { Access } from './http/access.ts'
import { createApp } from './http/create-app.ts'
import { HttpCounters } from './http/http-counters.ts'
import { drain, listen } from './http/listen.ts'
import { assertKeysFor, isLoopback } from './http/loopback.ts'
import { Readiness } from './http/readiness.ts'
import { KeyBook } from './keys/key-book.ts'
import { keyFilePath } from './keys/key-file.ts'
import { GateTuning, limitsOf } from './performance/gate-tuning.ts'
import { ResourceWatch } from './performance/resource-watch.ts'
import { WarmUp } from './performance/warm-up.ts'
import { registerMetrics } from './register-metrics.ts'
import { createReload } from './reload.ts'
import { assertSyncTokens } from './syncs/assert-sync-tokens.ts'
import { reloadingSyncs } from './syncs/reload-syncs.ts'
import { RunBook } from './syncs/run-book.ts'
import { Syncs } from './syncs/syncs.ts'

export interface ServerOptions extends LoadConfigOptions {
  /** A configuration as it is: then no file is read, and of the environment only HOTWELL_ENCRYPTION_KEY. */
  config?: HotwellConfig
  /** Default: pino, JSON lines on standard output at `logLevel`. */
  logger?: Logger
  /** Called with the token manager before it acquires anything, so that no event is missed. */
  observe?: (tokens: TokenManager) => void
  /** Whether to read the configuration again when its file changes. Default false. */
  watch?: boolean
}

export interface HotwellServer extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly tokens: TokenManager
  readonly accounts: Accounts
  /** Undefined with `history: false`. */
  readonly history: History | undefined
  readonly syncs: Syncs
  /** `http://host:port` of what it listens on, without a slash at the end. */
  readonly url: string
  /** Whether callers need an API key. */
  readonly keysRequired: boolean
  /**
   * Reads the configuration again: builds everything, checks it, swaps once. A configuration that cannot be used is
   * refused and logged, and the old one stays. Resolves true if it was taken.
   */
  reload(): Promise<boolean>
  /** Stops listening, lets requests end, stops renewing, writes what is in memory. Closing twice is safe. */
  close(): Promise<void>
}

/**
 * Starts a server: reads the configuration, puts store, accounts, history, token manager and HTTP together, and listens.
 * @throws HotwellError `invalid_configuration`, naming the field; the store's own errors
 */
export async function createServer(options: ServerOptions = {}): Promise<HotwellServer> {
  const { environment = process.env, cwd = process.cwd() } = options
  const loaded: LoadedConfig = options.config
    ? { config: checkConfig(options.config), folder: cwd }
    : await loadConfig(options)
  const { config, folder } = loaded
  const log = options.logger ?? createLogger(config.logLevel)
  const manifest = canonicalManifest(config)
  const providers = await buildProviders(config.providers, folder)
  const place = { cwd, environment }
  const plans = await planSyncs(loaded, place)
  const dataDir = await makeDataDir(resolve(cwd, config.dataDir))
  // Closed in the reverse order of their making, also when starting fails half-way.
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    const keys = createKeyBook(dataDir, log)
    closers.push(() => keys.close())
    await keys.open(config.keys)
    assertKeysFor(config.host, keys.required)
    const store = await buildStore(config.store, { dataDir, folder, environment, logger: log })
    closers.push(() => store.close())
    await store.open()
    const accounts = createAccounts({
      ...config.accounts,
      path: join(dataDir, 'accounts.db'),
      encryptionKeys: sealingKeys(config.store, environment),
      logger: log,
    })
    closers.push(() => accounts.close())
    await accounts.open()
    const history = openHistory(config, dataDir, log)
    closers.push(() => history?.close())
    const { namespace, preheat, logLevel } = config
    const gate = limitsOf(config.gate)
    const logHits = logLevel === 'debug' || logLevel === 'trace'
    const monitoring = { alerts: config.alerts }
    const sources = { providers, store, accounts, history, manifest }
    const tokens = createTokens({ ...sources, namespace, preheat, gate, monitoring, logger: log, logHits })
    closers.push(() => tokens.close())
    options.observe?.(tokens)
    // Undefined only where monitoring is switched off.
    const monitor = tokens.monitor!
    const tuning = new GateTuning(tokens, config.gate)
    const resources = new ResourceWatch()
    closers.push(() => resources[Symbol.dispose]())

    const registry = new prometheus.Registry()
    const counters = new HttpCounters()
    registerMetrics(registry, { tokens, history, counters })
    const readiness = new Readiness(tokens, manifest)
    const access = new Access(keys, isLoopback(config.host))
    assertSyncTokens(plans, tokens)
    const book = new RunBook(join(dataDir, 'runs.db'), log)
    const syncMonitor = createSyncMonitor({ onRun: report => void book.putReport(report) })
    registerSyncMetrics(registry, prometheus, syncMonitor)
    const syncs = new Syncs({ tokens, book, log, monitor: syncMonitor })
    const warmUp = new WarmUp({ tokens, log })
    const context = {
      tokens,
      warmUp,
      syncs,
      accounts,
      history,
      store,
      monitor,
      tuning,
      resources,
      registry,
      counters,
      readiness,
      log,
      access,
    }
    const app = await createApp(context)
    // Together: requests wait for acquisitions, which the tokens end in order or give up, so that all get an answer.
    closers.push(() => drain(app, tokens.close()))
    // Before that, so that whoever waits for the end of a warm-up hears of it.
    closers.push(() => warmUp.close())
    // First of all: the threads of syncs get no tokens once these have closed.
    closers.push(() => syncs.close())
    await syncs.open(plans)
    const url = await listen(app, config)
    await syncs.begin()
    const closing = new AbortController()
    closers.push(() => closing.abort())
    void readiness.watch(config.readyTimeoutSeconds, closing.signal)
    const reloadTokens = createReload({ loaded, options, tokens, tuning, monitor, keys, readiness, log })
    const reload = reloadingSyncs(reloadTokens, { syncs, tokens, log, path: loaded.path, options, place })
    if (options.watch && loaded.path !== undefined) closers.push(watchConfig(loaded.path, () => void reload()))

    let closed: Promise<void> | undefined
    const close = () => (closed ??= closeAll())
    return {
      app,
      tokens,
      accounts,
      history,
      syncs,
      url,
      get keysRequired() {
        return access.keysRequired
      },
      reload,
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function makeDataDir(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return path
  } catch (error) {
    const message = `the folder ${path} cannot be made (${(error as Error).message})`
    throw configurationError(undefined, [{ field: 'dataDir', message }], error)
  }
}

function createKeyBook(dataDir: string, log: Logger): KeyBook {
  return new KeyBook(keyFilePath(dataDir), change => {
    if ('count' in change) log.info(change, 'The API keys were read again')
    else log.error({ err: change.error }, 'The key file cannot be read; the keys stay as they were')
  })
}

/** Beside its options the manager refuses only what the manifest names. */
function createTokens(settings: TokenManagerOptions<Providers>): TokenManager {
  try {
    return createTokenManager(settings)
  } catch (error) {
    if (!isHotwellError(error) || error.code === 'invalid_configuration') throw error
    throw configurationError(undefined, [{ field: 'manifest', message: error.message }], error)
  }
}

function openHistory({ history }: CheckedConfig, dataDir: string, logger: Logger): History | undefined {
  if (history === false) return undefined
  return createHistory({ ...history, path: join(dataDir, 'hotwell.db'), logger })
}
