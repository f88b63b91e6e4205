import type { DriverConfig } from '../config/driver-config.ts'
import type { CheckedSync } from '../config/sync-schema.ts'

/** All that a thread needs to run a sync: data alone, because nothing else crosses. */
export interface SyncPlan {
  readonly name: string
  /** What modules named in the configuration are looked up from. */
  readonly folder: string
  /** What a `path` begins at. */
  readonly cwd: string
  /** The tokens that it may ask for, canonical. */
  readonly refs: readonly string[]
  /** How the tokens of each provider go into a request; undefined where only the file says it. */
  readonly providers: Readonly<Record<string, DriverConfig | PlainProvider | undefined>>
  /** Absent where the configuration has values: then the thread reads the file. */
  readonly sync?: CheckedSync
  readonly file?: { readonly path: string; readonly environment: NodeJS.ProcessEnv }
  readonly intervalSeconds?: number
}

/** A provider that puts tokens into requests as most do: `Authorization: Bearer`. */
export interface PlainProvider {
  readonly baseUrls?: readonly string[]
}
