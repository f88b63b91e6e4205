import { unwatchFile, watchFile } from 'node:fs'
import type { ApiKeyConfig } from '../config/config-schema.ts'
import { type ApiKey, apiKey, hashKey, type StoredKey } from './api-key.ts'
import { readKeyFile } from './key-file.ts'

const lookEveryMs = 1000

/**
 * The keys that are valid now: those of the configuration and those of the data folder's key file, which is read again
 * when it changes. A file that turns unreadable leaves the keys as they were.
 */
export class KeyBook {
  #configured: readonly StoredKey[] = []
  #filed: readonly StoredKey[] = []
  #byHash = new Map<string, ApiKey>()
  readonly #path: string
  readonly #onChange: (change: { count: number } | { error: unknown }) => void

  constructor(path: string, onChange: (change: { count: number } | { error: unknown }) => void = () => {}) {
    this.#path = path
    this.#onChange = onChange
  }

  /** @throws HotwellError `invalid_configuration` if the file cannot be read */
  async open(configured: readonly ApiKeyConfig[]): Promise<void> {
    this.#filed = await readKeyFile(this.#path)
    this.configure(configured)
    watchFile(this.#path, { interval: lookEveryMs, persistent: false }, () => void this.#reread())
  }

  /** The keys of the configuration, in place of the former ones. */
  configure(configured: readonly ApiKeyConfig[]): void {
    this.#configured = configured.map(({ key, sha256, ...rest }) => ({ ...rest, sha256: sha256 ?? hashKey(key!) }))
    this.#index()
  }

  /** False: there is not one key, and the server stands on its rules for loopback alone. */
  get required(): boolean {
    return this.#byHash.size > 0
  }

  /** By the hash of what was presented, so the time it takes tells nothing about any key. */
  find(presented: string): ApiKey | undefined {
    return this.#byHash.get(hashKey(presented))
  }

  close(): void {
    unwatchFile(this.#path)
  }

  async #reread(): Promise<void> {
    try {
      const filed = await readKeyFile(this.#path)
      // The first look at a file that is not there counts as a change, as does touching it.
      if (JSON.stringify(filed) === JSON.stringify(this.#filed)) return
      this.#filed = filed
      this.#index()
      this.#onChange({ count: this.#byHash.size })
    } catch (error) {
      this.#onChange({ error })
    }
  }

  #index(): void {
    this.#byHash = new Map([...this.#filed, ...this.#configured].map(stored => [stored.sha256, apiKey(stored)]))
  }
}
