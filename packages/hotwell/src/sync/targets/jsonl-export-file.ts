import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HotwellError, isHotwellError } from '../../core/errors.ts'

/** Nobody works on one for so long without writing. */
const abandonedMs = 86_400_000
const ending = '.partial'

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
    this.#temporary = `${path}.${randomBytes(6).toString('hex')}${ending}`
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
      if (found && Date.now() - found.mtimeMs > abandonedMs) await rm(join(folder, name), { force: true })
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

/** Not everywhere can a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
