import { join } from 'node:path'
import { isHotwellError, type Logger, type TokenStore } from 'hotwell'
import { reasonOf } from './config/build-providers.ts'
import { type CheckedConfig, isStore } from './config/config-schema.ts'
import { configurationError } from './config/configuration-error.ts'
import { encryptionKeys } from './config/environment-config.ts'
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
