import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { HotwellError } from '../../core/errors.ts'
import { type FileState, fileFailure, fileState, tailBytes } from './jsonl-position.ts'

const chunkBytes = 1024 * 1024
/** Room before a chunk for what is kept of the one before it. */
const roomBytes = 128 * 1024
const newline = 0x0a

interface Chunk {
  readonly buffer: Buffer
  /** Behind the room. */
  readonly length: number
}

/**
 * The part of a file that is looked at: what is wanted from `at` on, and before that as much as tells a position. One
 * chunk is read ahead while the one before it is worked on.
 */
export class FileWindow {
  bytes: Buffer = Buffer.alloc(0)
  /** Of the first byte that is wanted, in `bytes`. */
  at = 0
  readonly #file: FileHandle
  readonly #path: string
  readonly #end: number
  /** Of `bytes`, in the file. */
  #base = 0
  /** From `at` as it was when the last chunk came up to here, all is valid. */
  #validTo = 0
  /** Where in the file the next chunk begins. */
  #next: number
  /** To be at `at` when the first chunk has come. */
  #lead: number
  #ahead: Promise<Chunk | undefined> | undefined
  /** Chunks are read into two buffers in turn. */
  #spare: Buffer[] = []
  #current: Buffer | undefined

  constructor(file: FileHandle, path: string, offset: number, end: number) {
    this.#file = file
    this.#path = path
    this.#end = end
    this.#next = Math.max(0, offset - tailBytes)
    this.#lead = offset - this.#next
  }

  /** Of the first byte that is wanted, in the file. */
  get offset(): number {
    return this.#base + this.at
  }

  /** The last bytes before those that are wanted: as many as there are, and 4 kB at most. */
  get tail(): Buffer {
    return this.bytes.subarray(Math.max(0, this.at - tailBytes), this.at)
  }

  /** Brings more behind what is wanted; false at the end. */
  async more(): Promise<boolean> {
    const begin = this.#next
    const chunk = await (this.#ahead ?? this.#read())
    if (!chunk) return false
    this.#next = begin + chunk.length
    const from = Math.max(0, this.at - tailBytes)
    const kept = this.bytes.subarray(from)
    this.#base = begin - kept.length
    this.at -= from
    if (kept.length <= roomBytes) {
      kept.copy(chunk.buffer, roomBytes - kept.length)
      this.bytes = chunk.buffer.subarray(roomBytes - kept.length, roomBytes + chunk.length)
      if (this.#current) this.#spare.push(this.#current)
      this.#current = chunk.buffer
    } else {
      this.bytes = Buffer.concat([kept, chunk.buffer.subarray(roomBytes, roomBytes + chunk.length)])
      this.#spare.push(chunk.buffer)
    }
    this.at += this.#lead
    this.#lead = 0
    // A character may go on in the next chunk, but none goes beyond a line.
    const lastLine = this.bytes.lastIndexOf(newline)
    this.#validTo = lastLine > this.at && isUtf8(this.bytes.subarray(this.at, lastLine)) ? lastLine : 0
    this.#ahead = this.#read()
    // Whoever asks for more hears of it.
    this.#ahead.catch(() => {})
    return true
  }

  /** Whether a part behind `at` is valid UTF-8. */
  isUtf8(from: number, to: number): boolean {
    return to <= this.#validTo || isUtf8(this.bytes.subarray(from, to))
  }

  /** @throws HotwellError `source_failed` when the file is in UTF-16 */
  skipByteOrderMark(): void {
    const [first, second, third] = this.bytes
    if (first === 0xef && second === 0xbb && third === 0xbf) this.at = 3
    else if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
      throw new HotwellError('source_failed', `${this.#path} is in UTF-16; it has to be in UTF-8.`, {
        retryable: false,
      })
  }

  /**
   * What was read is what was there when it began.
   * @throws HotwellError `position_lost`
   */
  async check(begun: FileState): Promise<void> {
    const now = await fileState(this.#file, this.#path)
    const isSame = now.size === begun.size ? now.modified === begun.modified : now.size > begun.size
    const { tail } = this
    const found = Buffer.alloc(tail.length)
    await this.#readAt(found, 0, tail.length, this.offset - tail.length)
    if (!isSame || !found.equals(tail))
      throw new HotwellError('position_lost', `${this.#path} was changed while it was read. It is read from the start.`)
  }

  async #read(): Promise<Chunk | undefined> {
    const wanted = Math.min(chunkBytes, this.#end - this.#next)
    if (wanted <= 0) return undefined
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(roomBytes + chunkBytes)
    const length = await this.#readAt(buffer, roomBytes, wanted, this.#next)
    if (length === 0) throw new HotwellError('position_lost', `${this.#path} became shorter while it was read.`)
    return { buffer, length }
  }

  async #readAt(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    try {
      return (await this.#file.read(buffer, offset, length, position)).bytesRead
    } catch (error) {
      throw fileFailure(error, this.#path)
    }
  }
}
