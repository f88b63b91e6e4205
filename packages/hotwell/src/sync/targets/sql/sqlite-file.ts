import { type Stats, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { HotwellError } from '../../../core/errors.ts'

/** So often it is looked at, in ms, where nothing else calls for it. */
const seldomMs = 1000

/**
 * The file that was opened under a path. SQLite goes on writing into one that was removed or replaced meanwhile, where
 * nobody ever finds it.
 */
export class SqliteFile {
  readonly path: string
  #identity: string | undefined
  #checkedAt = 0

  constructor(path: string) {
    this.path = path
  }

  /**
   * What lies there now is the one from here on, if none was so far.
   * @throws HotwellError as {@link check} does
   */
  adopt(): void {
    this.#identity ??= identityOf(this.path)
    this.check('now')
  }

  /**
   * Looks whether a file can lie there at all; folders that are missing are made.
   * @throws HotwellError `invalid_configuration`
   */
  checkPlace(): void {
    const wrong = wrongWithPlace(this.path)
    if (wrong) throw new HotwellError('invalid_configuration', `${wrong}. Name an SQLite file, or one to be made.`)
  }

  /** The next one may be another. */
  forget(): void {
    this.#identity = undefined
  }

  /** Whether what lies there is the one, where that can be told. */
  get isThere(): boolean {
    return this.#identity === undefined || identityOf(this.path) === this.#identity
  }

  /** Whether it can be told from others; not so in memory, and in some file systems. */
  get isKnown(): boolean {
    return this.#identity !== undefined
  }

  /**
   * Looks whether it still lies there: at once, or not more often than every second.
   * @throws HotwellError `target_unavailable`, not to be tried again: the position is gone with the file
   */
  check(how: 'now' | 'seldom'): void {
    const now = performance.now()
    if (how === 'seldom' && now < this.#checkedAt + seldomMs) return
    this.#checkedAt = now
    if (this.isThere) return
    const isReplaced = identityOf(this.path) !== undefined
    const what = isReplaced
      ? `was replaced by another file while it was in use; nothing of this run is in the new one.`
      : `was removed while it was in use, and what was written is gone with it.`
    const next = `The next run goes by what it finds there, from the start in a new file. If the former one still exists, put it back first.`
    throw new HotwellError('target_unavailable', `${this.path} ${what} ${next}`, { retryable: false })
  }
}

function wrongWithPlace(path: string): string | undefined {
  const found = statsOf(path)
  if (found?.isDirectory() || path.endsWith('/') || path.endsWith(sep)) return `${path} is a folder`
  if (found) return found.isFile() ? undefined : `${path} is no file that can be written into`
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const above = statsOf(folder)
    if (above) return above.isDirectory() ? undefined : `${path} cannot be made: ${folder} is a file, not a folder`
    if (folder === dirname(folder)) return undefined
  }
}

/** Undefined where nothing is, and where nobody may look: that may change, opening tells of it. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Undefined where nothing is, or where files have no numbers. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && found.ino !== 0n ? `${found.dev}:${found.ino}` : undefined
}
