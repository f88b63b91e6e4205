import { join } from 'node:path'
import { isHotwellError, type Logger, type TokenStore } from 'hotwell'
import { reasonOf } from './config/build-providers.ts'
import { problemsOf } from './config/check-config.ts'
import { type CheckedConfig, isStore, sqliteOptions } from './config/config-schema.ts'
import { configurationError } from './config/configuration-error.ts'
import { encryptionKeys, keyProblems } from './config/environment-config.ts'
import { loadDriver } from './config/load-driver.ts'

const sqliteModule = 'hotwell/stores/sqlite'

export interface StorePlace {
  dataDir: string
  /** What a module named in the configuration is looked up from. */
  folder: string
  environment: NodeJS.ProcessEnv
  logger?: Logger
}

/**
 * The store of a configuration: a value, what `use` names, or SQLite in the data folder, sealed with
 * HOTWELL_ENCRYPTION_KEY or, without it, with a key file beside the database.
 * @throws HotwellError `invalid_configuration`
 */
export async function buildStore(store: CheckedConfig['store'], place: StorePlace): Promise<TokenStore> {
  if (isStore(store)) return store
  const { use = sqliteModule, ...options } = store ?? {}
  try {
    if (use !== sqliteModule) {
      const made = await loadDriver({ use, ...options }, place.folder)
      if (!isStore(made)) throw new TypeError(`what "${use}" returns is no token store: it has no claim()`)
      return made
    }
    assertSqliteOptions(options)
    const { sqlite } = await import('hotwell/stores/sqlite')
    return sqlite({
      path: join(place.dataDir, 'tokens.db'),
      encryptionKeys: encryptionKeys(place.environment),
      logger: place.logger,
      ...options,
    })
  } catch (error) {
    if (isHotwellError(error)) throw error
    throw configurationError(undefined, [{ field: 'store', message: reasonOf(error) }], error)
  }
}

/**
 * The keys that seal the passwords of accounts: those of the token store where the configuration names them, else those
 * of the environment; undefined: a key file in the data folder.
 */
export function sealingKeys(store: CheckedConfig['store'], environment: NodeJS.ProcessEnv): string[] | undefined {
  const isSqlite = store !== undefined && !isStore(store) && store.use === sqliteModule
  const given = isSqlite
    ? sqliteOptions.safeParse({ encryptionKeys: store.encryptionKeys }).data?.encryptionKeys
    : undefined
  return given === undefined ? encryptionKeys(environment) : [given].flat()
}

/** What the store would say only when it opens, or not at all. */
function assertSqliteOptions(options: object): void {
  const { error, data } = sqliteOptions.safeParse(options, { reportInput: false })
  const problems = error
    ? error.issues.flatMap(issue => problemsOf({ ...issue, path: ['store', ...issue.path] }))
    : keyProblems('store.encryptionKeys', [data.encryptionKeys ?? []].flat())
  if (problems.length > 0) throw configurationError(undefined, problems)
}
