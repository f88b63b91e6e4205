import { resolve } from 'node:path'
import type { Source, Target } from 'hotwell/sync'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'
import { type DriverConfig, isDriver } from './driver-config.ts'
import { loadFactory } from './load-driver.ts'
import { reasonOf } from './reason-of.ts'
import { isSource, isTarget, type SyncGiven } from './sync-parts.ts'
import type { CheckedSync } from './sync-schema.ts'

export interface SyncPlace {
  /** What modules named in the configuration are looked up from. */
  folder: string
  /** What a `path` begins at. */
  cwd: string
}

/**
 * Source and target of a sync, built from `use` where they are not values already. `path` becomes the first argument of
 * the factory, `fetch: { token }` the `fetch` of that token.
 * @throws HotwellError `invalid_configuration`, naming the field
 */
export async function buildSyncParts(
  name: string,
  sync: Pick<CheckedSync, 'source' | 'target'>,
  place: SyncPlace,
  given: SyncGiven,
): Promise<{ source: Source; target: Target }> {
  const problems: ConfigurationProblem[] = []
  const build = async <T>(field: 'source' | 'target', isMade: (value: unknown) => value is T, method: string) => {
    try {
      const part = sync[field] as unknown
      const made = isDriver(part) && !isMade(part) ? await fromModule(part, place, given) : madeBy(part, given)
      if (!isMade(made)) throw new TypeError(`what is made of it is no ${field}: it has no ${method}()`)
      return made
    } catch (error) {
      problems.push({ field: `syncs.${name}.${field}`, message: reasonOf(error) })
      return undefined as T
    }
  }
  const source = await build('source', isSource, 'read')
  const target = await build('target', isTarget, 'connect')
  if (problems.length > 0) throw configurationError(undefined, problems)
  return { source, target }
}

async function fromModule({ use, ...options }: DriverConfig, { folder, cwd }: SyncPlace, given: SyncGiven) {
  const factory = await loadFactory(use, folder)
  const ref = tokenOf(options.fetch)
  const completed: Record<string, unknown> = ref === undefined ? options : { ...options, fetch: given.fetch(ref) }
  const { path, ...rest } = completed
  return typeof path === 'string' ? factory(resolve(cwd, path), rest) : factory(completed)
}

function madeBy(part: unknown, given: SyncGiven): unknown {
  return typeof part === 'function' ? part(given) : part
}

/** The ref in `fetch: { token: 'feishu/tenant/acme' }`. */
export function tokenOf(fetch: unknown): string | undefined {
  const { token } = (typeof fetch === 'object' && fetch !== null ? fetch : {}) as { token?: unknown }
  return typeof token === 'string' ? token : undefined
}
