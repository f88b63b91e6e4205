import { parseRef } from 'hotwell'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { buildSyncParts, tokenOf } from './build-sync-parts.ts'
import { type CheckedConfig, isProvider } from './config-schema.ts'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'
import { isDriver } from './driver-config.ts'
import type { LoadedConfig } from './load-config.ts'
import { nearestName } from './nearest-name.ts'
import type { CheckedSync } from './sync-schema.ts'

export interface PlanPlace {
  cwd: string
  environment: NodeJS.ProcessEnv
}

/**
 * What threads need to run the syncs of a configuration. Source and target of each are built once to see whether they
 * can be; nothing is read or written.
 * @throws HotwellError `invalid_configuration`, naming every field that is wrong
 */
export async function planSyncs(
  { config, folder, path }: LoadedConfig,
  { cwd, environment }: PlanPlace,
): Promise<SyncPlan[]> {
  const problems: ConfigurationProblem[] = []
  const plans: SyncPlan[] = []
  for (const [name, sync] of Object.entries(config.syncs)) {
    const refs = refsOf(name, sync, config, problems)
    const isPlain = isData(sync)
    const providers = Object.fromEntries(
      [...new Set(refs.map(ref => parseRef(ref).provider))].map(name => [name, crossing(config.providers[name])]),
    )
    const needsFile = !isPlain || Object.values(providers).includes(undefined)
    if (needsFile && path === undefined) problems.push(...liveProblems(name, sync, providers))
    else {
      const parts = buildSyncParts(name, sync, { folder, cwd }, { fetch: () => globalThis.fetch })
      await parts.then(
        ({ source }) => source.close?.(),
        error => problems.push(...(error.details.problems as ConfigurationProblem[])),
      )
    }
    plans.push({
      name,
      folder,
      cwd,
      refs,
      providers,
      ...(isPlain && { sync }),
      ...(needsFile && path !== undefined && { file: { path, environment: { ...environment } } }),
      intervalSeconds: sync.intervalSeconds,
    })
  }
  if (problems.length > 0) throw configurationError(undefined, problems)
  return plans
}

/** The tokens that a sync may ask for, canonical. What is wrong with them becomes a problem. */
function refsOf(
  name: string,
  sync: CheckedSync,
  { providers }: CheckedConfig,
  problems: ConfigurationProblem[],
): string[] {
  const named: [field: string, ref: string][] = (sync.tokens ?? []).map((ref, index) => [`tokens[${index}]`, ref])
  for (const field of ['source', 'target'] as const) {
    const part = sync[field] as unknown
    if (!isDriver(part) || part.fetch === undefined || typeof part.fetch === 'function') continue
    const ref = tokenOf(part.fetch)
    if (ref !== undefined) named.push([`${field}.fetch.token`, ref])
    else
      problems.push({ field: `syncs.${name}.${field}.fetch`, message: "has to be { token: 'provider/kind/subject' }" })
  }
  const refs = new Set<string>()
  for (const [field, text] of named) {
    try {
      const { canonical, provider } = parseRef(text)
      if (!Object.hasOwn(providers, provider)) throw new TypeError(unknownProvider(provider, Object.keys(providers)))
      refs.add(canonical)
    } catch (error) {
      problems.push({ field: `syncs.${name}.${field}`, message: (error as Error).message })
    }
  }
  return [...refs]
}

function unknownProvider(provider: string, names: readonly string[]): string {
  const near = nearestName(provider, names)
  return `there is no provider "${provider}"; ${near ? `did you mean ${near}?` : `there are ${names.join(', ') || 'none'}`}`
}

/** What a thread can be told of a provider; undefined where only the configuration file has it. */
function crossing(provider: CheckedConfig['providers'][string] | undefined): SyncPlan['providers'][string] {
  if (!isProvider(provider)) return isData(provider) ? provider : undefined
  const { baseUrls, attach, rejects } = provider
  return attach || rejects ? undefined : { baseUrls }
}

/** A value of a program exists in its thread only, and there is no file that another thread could read it from. */
function liveProblems(name: string, sync: CheckedSync, providers: SyncPlan['providers']): ConfigurationProblem[] {
  const what = 'cannot cross to the thread that the sync runs in'
  const parts = (['source', 'target', 'map', 'filter', 'strategy'] as const).filter(field => !isData(sync[field]))
  const live = Object.keys(providers).filter(provider => providers[provider] === undefined)
  return [
    ...parts.map(field => ({
      field: `syncs.${name}.${field}`,
      message: `a value ${what}; write { use: '…' }, or put the configuration in a file`,
    })),
    ...live.map(provider => ({
      field: `syncs.${name}.tokens`,
      message: `the provider "${provider}" is a value, which ${what}; write { use: '…' }, or put the configuration in a file`,
    })),
  ]
}

/** Whether it is data alone, as a file could hold it. */
function isData(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false
  return Object.values(value).every(isData)
}
