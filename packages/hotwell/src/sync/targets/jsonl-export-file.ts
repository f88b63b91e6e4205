import { hash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { HotwellError, isHotwellError } from '../../core/errors.ts'

/** Nobody works on one for so long without writing. */
const abandonedMs = 86_400_000
/** Two containers may have one name, and their processes numbers that the other one does not know. */
const quietMs = 60_000
const ending = '.partial'
/** Whose it is: processes of other machines may write beside it. */
const machine = hash('sha256', hostname(), 'hex').slice(0, 8)
const ownerForm = new RegExp(`\\.${machine}-(\\d+)-[0-9a-f]+\\${ending}$`)

/**
 * A file that is written beside its place and takes it when it is whole. An append that fails leaves nothing behind: the
 * next one begins where the last good one ended.
 */
export class ExportFile {
  readonly #path: string
  readonly #temporary: string
  #file: FileHandle | undefined
  #length = 0
  /** The temporary file holds all of it, and nothing else. */
  #isWhole = false

  constructor(path: string) {
    this.#path = path
    this.#temporary = `${path}.${machine}-${process.pid}-${randomBytes(6).toString('hex')}${ending}`
  }

  get length(): number {
    return this.#length
  }

  /** @throws HotwellError `target_unavailable` */
  async append(text: string): Promise<void> {
    if (text === '') return
    await this.#safely(async () => {
      this.#isWhole = false
      this.#file ??= await this.#open()
      const bytes = Buffer.from(text)
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#length + done)
        done += bytesWritten
      }
      this.#length += bytes.length
    })
  }

  /** Forgets what is behind that length. */
  rewind(length: number): void {
    this.#length = Math.min(length, this.#length)
  }

  async hasFormer(): Promise<boolean> {
    const former = await stat(this.#path).catch(() => undefined)
    return (former?.size ?? 0) > 0
  }

  /** Takes its place, on the disk as well. May be called again when it failed. @throws HotwellError `target_unavailable` */
  async settle(): Promise<void> {
    await this.#safely(async () => {
      if (!this.#isWhole) {
        this.#file ??= await this.#open()
        await this.#file.truncate(this.#length)
        await this.#file.sync()
        this.#isWhole = true
      }
      await this.#file?.close()
      this.#file = undefined
      await rename(this.#temporary, this.#path)
      await syncFolder(dirname(this.#path))
    })
  }

  /** There is nothing to tell: the former one goes. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true })
  }

  /** Whatever has not taken its place is gone. */
  async drop(): Promise<void> {
    await this.#file?.close().catch(() => {})
    this.#file = undefined
    await rm(this.#temporary, { force: true }).catch(() => {})
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true })
    await this.#clean()
    const former = await stat(this.#path).catch(() => undefined)
    return open(this.#temporary, 'w', former ? former.mode & 0o777 : 0o600)
  }

  /** What processes that were killed have left. */
  async #clean(): Promise<void> {
    const folder = dirname(this.#path)
    for (const name of await readdir(folder)) {
      if (!name.startsWith(`${basename(this.#path)}.`) || !name.endsWith(ending)) continue
      const found = await stat(join(folder, name)).catch(() => undefined)
      if (found && isAbandoned(name, found.mtimeMs)) await rm(join(folder, name), { force: true })
    }
  }

  async #safely(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      if (isHotwellError(cause)) throw cause
      const { code = '', message } = cause as NodeJS.ErrnoException
      const what = code === 'ENOSPC' ? 'the disk is full' : message
      throw new HotwellError('target_unavailable', `${this.#path} could not be written: ${what}.`, { cause })
    }
  }
}

function isAbandoned(name: string, modifiedMs: number): boolean {
  const owner = Number(ownerForm.exec(name)?.[1])
  // In a container whoever comes next may have the same number.
  const isGone = owner === process.pid ? modifiedMs < Date.now() - process.uptime() * 1000 : owner && !isAlive(owner)
  return Date.now() - modifiedMs > (isGone ? quietMs : abandonedMs)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Not everywhere can a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
