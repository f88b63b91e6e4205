import { resolve } from 'node:path'
import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import { exactJson } from '../model/exact-json.ts'
import type { ReadRequest, Source, SourcePage, UnreadableRecord } from '../source.ts'
import { FileWindow } from './jsonl-file-window.ts'
import { checkPosition, type FileState, fileState, openFile, positionText, startOf } from './jsonl-position.ts'

export interface JsonlSourceOptions {
  /** A longer line is not read into memory; it is told as unreadable. @default 8 */
  maxLineMegabytes?: number
}

/** A dead letter shows a line's beginning. */
const shownCharacters = 1000
const newline = 0x0a
const carriageReturn = 0x0d

/**
 * Reads a file of one JSON object a line: elements, attribute changes and relations, in UTF-8. Sees the file as long as
 * it was when reading began; what is appended meanwhile comes with the next run. What is no JSON object is told as
 * `line 17`, and the rest is read. Integers beyond 2^53 come as texts, so that none of their digits is lost.
 * @throws HotwellError `source_failed` for a file that is not there or is no text in UTF-8, `position_lost` when it was
 * replaced or changed otherwise than by appending
 */
export function jsonl(path: string, options: JsonlSourceOptions = {}): Source {
  if (typeof path !== 'string' || path === '')
    throw new HotwellError('invalid_configuration', 'A source of JSONL needs the path of its file.')
  checkKnown('The source jsonl', options, ['maxLineMegabytes'])
  const { maxLineMegabytes = 8 } = options
  const maxLineBytes = Math.ceil(maxLineMegabytes * 1024 * 1024)
  if (!(maxLineBytes > 0))
    throw new HotwellError('invalid_configuration', `maxLineMegabytes is more than 0, not ${maxLineMegabytes}.`)
  const place = resolve(path)
  return {
    name: 'jsonl',
    identity: place,
    consistency: 'snapshot',
    order: 'none',
    cursors: 'durable',
    read: request => readFile(place, maxLineBytes, request),
  }
}

async function* readFile(path: string, maxLineBytes: number, request: ReadRequest): AsyncGenerator<SourcePage> {
  request.signal.throwIfAborted()
  const file = await openFile(path)
  try {
    const found = await fileState(file, path)
    const start = startOf(request.after, found, path)
    const window = new FileWindow(file, path, start.offset, start.end)
    await window.more()
    if (request.after !== undefined) checkPosition(start, window, path)
    else window.skipByteOrderMark()
    // A reading that goes on ends where it was to end, so that it is the same snapshot.
    const state: FileState = { ...found, size: start.end }
    const lines = new LineReader(window, start.line, maxLineBytes)
    for (;;) {
      const page = await lines.page(request)
      if (!page) break
      const position = positionText(state, window, lines.line)
      yield { ...page, position, share: window.offset / start.end }
    }
    await window.check(found)
  } finally {
    await file.close()
  }
}

/** Cuts what the window holds into lines, and lines into pages. */
class LineReader {
  readonly #window: FileWindow
  readonly #maxLineBytes: number
  /** So many lines are behind. */
  line: number

  constructor(window: FileWindow, line: number, maxLineBytes: number) {
    this.#window = window
    this.#maxLineBytes = maxLineBytes
    this.line = line
  }

  /** The next records; undefined at the end. */
  async page({ pageRecords, pageBytes, signal }: ReadRequest): Promise<Omit<SourcePage, 'position'> | undefined> {
    signal.throwIfAborted()
    const records: unknown[] = []
    const unreadable: UnreadableRecord[] = []
    let bytesLeft = pageBytes
    while (records.length + unreadable.length < pageRecords) {
      const { bytes, at: from } = this.#window
      const found = bytes.indexOf(newline, from)
      // Nothing is awaited for a line that is there, as most are.
      const end = found < 0 ? await this.#endOfLine(signal) : found
      if (end === undefined) break
      const { at } = this.#window
      if (end < 0 || end - at > this.#maxLineBytes) {
        unreadable.push(await this.#skipLine(end, signal))
        continue
      }
      if (end - at > bytesLeft && records.length + unreadable.length > 0) break
      bytesLeft -= end - at
      this.line++
      this.#take(at, end, records, unreadable)
      this.#window.at = Math.min(end + 1, this.#window.bytes.length)
    }
    if (records.length + unreadable.length === 0) return undefined
    return unreadable.length > 0 ? { records, unreadable } : { records }
  }

  /**
   * Brings more until the line ends. Where in the window that is; negative: further than a line may be long; undefined:
   * there is no line any more.
   */
  async #endOfLine(signal: AbortSignal): Promise<number | undefined> {
    const window = this.#window
    for (;;) {
      const searched = window.bytes.length - window.at
      if (searched > this.#maxLineBytes) return -1
      signal.throwIfAborted()
      // The last line may lack its end.
      if (!(await window.more())) return searched > 0 ? window.bytes.length : undefined
      const found = window.bytes.indexOf(newline, window.at + searched)
      if (found >= 0) return found
    }
  }

  #take(at: number, end: number, records: unknown[], unreadable: UnreadableRecord[]): void {
    const { bytes } = this.#window
    const text = bytes.toString('utf8', at, end)
    let reason: string
    try {
      const record = exactJson(text)
      if (typeof record === 'object' && record !== null && !Array.isArray(record)) {
        if (this.#window.isUtf8(at, end)) {
          records.push(record)
          return
        }
        reason = 'It is no valid UTF-8.'
      } else reason = 'It is JSON, but no object.'
    } catch (error) {
      if (isBlank(bytes, at, end)) return
      reason = `It is no JSON: ${(error as Error).message}`
    }
    unreadable.push({ place: `line ${this.line}`, reason, text: text.slice(0, shownCharacters) })
  }

  /** Reads over a line that is too long, without keeping it. */
  async #skipLine(known: number, signal: AbortSignal): Promise<UnreadableRecord> {
    const window = this.#window
    const begin = window.offset
    const text = window.bytes.toString('utf8', window.at, window.at + shownCharacters)
    let end = known
    while (end < 0) {
      window.at = window.bytes.length
      signal.throwIfAborted()
      end = (await window.more()) ? window.bytes.indexOf(newline, window.at) : window.bytes.length
    }
    const length = window.offset + end - window.at - begin
    window.at = Math.min(end + 1, window.bytes.length)
    this.line++
    const reason = `It has ${length} bytes; the most is ${this.#maxLineBytes}.`
    return { place: `line ${this.line}`, reason, text }
  }
}

function isBlank(bytes: Buffer, at: number, end: number): boolean {
  for (let index = at; index < end; index++) {
    const byte = bytes[index]!
    if (byte !== carriageReturn && byte !== 0x20 && byte !== 0x09) return false
  }
  return true
}
