import type { Logger, TokenManager } from 'hotwell'
import { checkedAlerts, type PerformanceMonitor } from 'hotwell/monitoring'
import { buildProviders } from './config/build-providers.ts'
import { canonicalManifest } from './config/canonical-manifest.ts'
import type { CheckedConfig } from './config/config-schema.ts'
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from './config/load-config.ts'
import type { Readiness } from './http/readiness.ts'
import type { KeyBook } from './keys/key-book.ts'
import type { GateTuning } from './performance/gate-tuning.ts'

/** What a running server cannot change: they belong to the socket and the files. */
const fixedFields = ['host', 'port', 'dataDir', 'namespace', 'store', 'accounts', 'history'] as const

export interface ReloadParts {
  /** What the server was started with. */
  loaded: LoadedConfig
  options: LoadConfigOptions & { config?: unknown }
  tokens: TokenManager
  tuning: GateTuning
  monitor: PerformanceMonitor
  keys: KeyBook
  readiness: Readiness
  log: Logger & { level?: string }
}

/**
 * Makes the function that takes a changed configuration: everything is read, built and checked before anything is
 * swapped, so that a bad file changes nothing. Calls while one is under way wait for it and then look again.
 */
export function createReload(parts: ReloadParts): () => Promise<boolean> {
  let running: Promise<boolean> = Promise.resolve(true)
  return () => (running = running.then(() => reloadOnce(parts)))
}

async function reloadOnce(parts: ReloadParts): Promise<boolean> {
  const { loaded, options, tokens, tuning, monitor, keys, readiness, log } = parts
  if (options.config !== undefined || loaded.path === undefined) {
    log.warn({}, 'There is no configuration file to read again')
    return false
  }
  try {
    const { config, folder } = await loadConfig({ ...options, configFile: loaded.path })
    const manifest = canonicalManifest(config)
    const providers = await buildProviders(config.providers, folder)
    const { alerts, gate, preheat } = config
    if (alerts) checkedAlerts(alerts)
    tokens.reconfigure({ providers, gate: tuning.limitsWith(gate), preheat, manifest })
    tuning.configure(gate)
    monitor.configure(alerts)
    keys.configure(config.keys)
    readiness.manifest = manifest
    if (log.level !== undefined) log.level = config.logLevel
    const ignored = fixedFields.filter(field => !same(config[field], loaded.config[field]))
    if (ignored.length > 0) log.warn({ fields: ignored }, `Takes effect after a restart only: ${ignored.join(', ')}`)
    log.info({ providers: Object.keys(providers), manifest: manifest.length }, 'The configuration was read again')
    return true
  } catch (error) {
    log.error({ err: error }, `The new configuration is refused, the old one stays: ${(error as Error).message}`)
    return false
  }
}

/** Values with functions in them are made anew by each reading; then there is nothing to compare. */
function same(one: CheckedConfig[keyof CheckedConfig], other: CheckedConfig[keyof CheckedConfig]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
