import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { completeLimits } from '../concurrency/gate-limits.ts'
import { createGate, type Gate, type GateLimits } from '../concurrency/index.ts'
import { type Clock, createSystemClock } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { AcquisitionStats } from '../monitoring/acquisition-stats.ts'
import type { PerformanceMonitor } from '../monitoring/performance-monitor.ts'
import type { TokenMetrics } from '../monitoring/token-metrics.ts'
import { type MonitoringOptions, watchManager } from '../monitoring/watch-manager.ts'
import type { AccountSource } from './account-source.ts'
import type { GateUsage } from './acquisition-gate.ts'
import type { AcquisitionRecorder } from './acquisition-record.ts'
import { providerOf } from './check-ref.ts'
import type { ManagerHealth } from './manager-health.ts'
import { type Preheater, type PreheatOptions, type PreheatPreset, preheatOptions } from './preheater.ts'
import type { Provider } from './provider.ts'
import { makeRef, parseRef, type RefParts } from './ref.ts'
import { memory } from './stores/memory.ts'
import type { TokenEvents } from './token-events.ts'
import type { TokenHandle, TokenInspection } from './token-handle.ts'
import { TokenKeeper } from './token-keeper.ts'
import type { TokenStore } from './token-store.ts'
import type { ReadyReport } from './warm-up.ts'

/** Providers by the name that refs begin with. */
export type Providers = Readonly<Record<string, Provider>>

/** The refs that these providers can have, as a type: a misspelt provider or kind does not compile. */
export type RefText<P extends Providers> = {
  [Name in keyof P & string]: P[Name] extends Provider<infer Kind>
    ? `${Name}/${Kind}` | `${Name}/${Kind}/${string}` | `${Name}/${Kind}?${string}`
    : never
}[keyof P & string]

export interface TokenManagerOptions<P extends Providers> {
  /** Who issues tokens, by the name that refs begin with: `[a-z][a-z0-9_-]{0,63}`. */
  providers: P
  /** Where tokens are kept between processes and restarts. Closed with the manager. @default memory() */
  store?: TokenStore
  /** When tokens are renewed before anybody asks: a preset, options, or false for not at all. @default 'standard' */
  preheat?: PreheatPreset | Partial<PreheatOptions> | false
  /** Refs that are acquired at the start and kept warm whether anybody asks or not. @default [] */
  manifest?: readonly RefText<P>[]
  /** Limits on acquisitions. */
  gate?: GateLimits
  /** The accounts that logins are made with, as `createAccounts()` makes them; without, no password is counted. */
  accounts?: AccountSource
  /** Where the record of each acquisition goes. Closed with the manager. */
  history?: AcquisitionRecorder
  /** Count lookups and acquisitions, and raise alerts. @default true */
  monitoring?: boolean | MonitoringOptions
  /** pino and console fit. @default none */
  logger?: Logger
  /** Log each hit at debug level, which costs the fast path. @default false */
  logHits?: boolean
  /** @default the machine's clocks */
  clock?: Clock
  /** Keeps systems apart that share a store. @default 'hotwell' */
  namespace?: string
  /** Names this process in records; also spreads the renewals of several processes. @default host name and a random part */
  node?: string
}

/** Keeps tokens hot: acquires each once, renews it before anybody waits, says what it did. */
export interface TokenManager<P extends Providers = Providers> extends AsyncDisposable {
  /**
   * The handle of a ref; the same one for the same ref. Nothing is acquired yet.
   * @throws HotwellError `invalid_ref`, `unknown_provider`, `unknown_kind`, `unknown_subject`
   */
  token(ref: RefText<P> | (RefParts & { provider: keyof P & string })): TokenHandle
  readonly metrics: TokenMetrics
  /** Figures of acquisitions by provider and kind; undefined with `monitoring: false`. */
  readonly statistics: AcquisitionStats | undefined
  /** Durations, failures, what is unusual, alerts and health; undefined with `monitoring: false`. */
  readonly monitor: PerformanceMonitor | undefined
  readonly preheater: Pick<Preheater, 'start' | 'stop' | 'status'>
  /** Calls a listener on each event; returns the function that ends it. */
  on<Name extends keyof TokenEvents>(name: Name, listener: Listener<TokenEvents[Name]>): () => void
  /** Every ref that is in use or in the manifest; never values. */
  list(): TokenInspection[]
  /** Waits until each token of the manifest is there or has failed once, at most `timeoutSeconds` (30). */
  ready(options?: { timeoutSeconds?: number; signal?: AbortSignal }): Promise<ReadyReport>
  health(): ManagerHealth
  gateUsage(): GateUsage
  /**
   * Changes limits of the gate at once; those left out stay. Lower ones drain.
   * @throws HotwellError `invalid_configuration`, naming the field; then nothing has changed
   */
  configureGate(limits: GateLimits): void
  /** Acquires these tokens where they are not there, and waits until each was tried, at most `timeoutSeconds` (30). */
  warmUp(refs: readonly string[], options?: { timeoutSeconds?: number; signal?: AbortSignal }): Promise<ReadyReport>
  /** Drops access tokens here and in the store: of one site, or all. Refresh tokens stay. Returns how many there were. */
  clearTokens(options?: { site?: string }): Promise<number>
  /**
   * Changes the configuration at once, after all of it was checked: nothing changes if anything is wrong. Running
   * acquisitions end with the provider they began with; lower limits drain; what is left out goes back to its default.
   * Tokens stay, but those of a provider whose identity has changed; remembered failures go where the secret may have.
   * @throws HotwellError `invalid_configuration`, `closed` after closing, or what `token()` throws for a ref of the manifest
   */
  reconfigure(
    options: Pick<TokenManagerOptions<Providers>, 'providers' | 'gate' | 'preheat'> & { manifest?: readonly string[] },
  ): void
  /** Logs the report of performance as info and each warning as warn. */
  logPerformanceMetrics(): void
  /**
   * Stops preheating, refuses new acquisitions, waits up to 10 s for running ones, releases claims, flushes history,
   * closes the store. Closing twice, or while starting, is safe.
   */
  close(): Promise<void>
}

/**
 * Makes a token manager.
 * @throws HotwellError `invalid_configuration`, naming the option; what `token()` throws for a ref of the manifest
 */
export function createTokenManager<const P extends Providers>(options: TokenManagerOptions<P>): TokenManager<P> {
  const { monitoring = true, logger = silentLogger, namespace = 'hotwell', logHits = false, history } = options
  const { preheat = 'standard', manifest = [], node = `${hostname()}-${randomBytes(3).toString('hex')}` } = options
  const providers = checkedProviders(options.providers)
  const preheating = preheat === false ? false : preheatOptions(preheat)
  checkManifest(manifest, providers)
  const limits = completeLimits(options.gate ?? {})
  // All is checked: nothing that would have to be stopped again is made before.
  const { clock = createSystemClock(), store = memory({ clock }) } = options
  const { accounts } = options
  const onQuarantine = (site: string, account = '') => accounts?.coolDown(site, account)
  const gate = createGate({ ...limits, clock, logger, onQuarantine })
  const events = new Events<TokenEvents>((error, name) => logger.error({ err: error, event: name }, 'A listener threw'))
  const { metrics, statistics, monitor } = watchManager(monitoring, { clock, logger, events })
  const keeper = new TokenKeeper({
    providers,
    store,
    gate,
    accounts,
    preheat: preheating,
    manifest,
    history,
    logger,
    logHits,
    clock,
    namespace,
    node,
    events,
    countersFor: kind => metrics.countersFor(kind),
    flightTaken: () => metrics.recordFlight(),
  })
  const close = () => keeper.close()
  return {
    metrics,
    statistics,
    monitor,
    preheater: keeper.preheater,
    token: ref => keeper.token(ref),
    on: (name, listener) => keeper.on(name, listener),
    list: () => keeper.list(),
    ready: given => keeper.ready(given),
    health: () => keeper.health(),
    gateUsage: () => keeper.gateUsage(),
    configureGate: changed => gate.configure(changed),
    warmUp: (refs, given = {}) => keeper.warmUp(refs, given),
    clearTokens: ({ site } = {}) => keeper.clearTokens(site),
    reconfigure: changed => reconfigure(keeper, gate, changed),
    logPerformanceMetrics: () => metrics.logPerformanceMetrics(logger),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function reconfigure(keeper: TokenKeeper, gate: Gate, changed: Parameters<TokenManager['reconfigure']>[0]): void {
  const { preheat = 'standard', manifest = [] } = changed
  const providers = checkedProviders(changed.providers)
  const preheating = preheat === false ? false : preheatOptions(preheat)
  checkManifest(manifest, providers)
  const limits = completeLimits(changed.gate ?? {})
  keeper.useProviders(providers)
  gate.configure(limits)
  if (preheating) keeper.preheater.start(preheating)
  else keeper.preheater.stop()
  keeper.keepWarm(manifest)
}

function checkedProviders(providers: Providers): ReadonlyMap<string, Provider> {
  if (typeof providers !== 'object' || providers === null) throw invalid('`providers` has to be an object')
  for (const [name, provider] of Object.entries(providers)) {
    if (!/^[a-z][a-z0-9_-]{0,63}$/.test(name)) {
      throw invalid(`the name of the provider "${name}" has to match [a-z][a-z0-9_-]{0,63}`)
    }
    if (typeof provider?.acquire !== 'function' || !Array.isArray(provider.kinds)) {
      throw invalid(`\`providers.${name}\` is no provider; use what feishu(), custom() and their like return`)
    }
  }
  return new Map(Object.entries(providers))
}

function checkManifest(manifest: readonly string[], providers: ReadonlyMap<string, Provider>): void {
  for (const ref of manifest) providerOf(typeof ref === 'string' ? parseRef(ref) : makeRef(ref), providers)
}

function invalid(why: string): HotwellError {
  return new HotwellError('invalid_configuration', `The options of the token manager are not valid: ${why}.`)
}
