import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { HotwellError } from '../../core/errors.ts'

/** So many bytes before a position are part of it. */
export const tailBytes = 4096

/** What tells whether a file is still the one that was read. */
export interface FileState {
  readonly inode: string
  readonly size: number
  /** When its content was changed last, in ns. */
  readonly modified: string
}

interface Position extends FileState {
  readonly offset: number
  /** Hash of the bytes before it. */
  readonly tail: string
  /** So many lines are before it. */
  readonly line: number
}

/** Where a reading begins. */
export interface Start {
  readonly offset: number
  /** Reading ends there. */
  readonly end: number
  readonly line: number
  readonly tail?: string
}

interface Window {
  readonly offset: number
  readonly tail: Buffer
}

/** Errors that will not pass by themselves. */
const lasting = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'])

/** @throws HotwellError `source_failed` */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    // A pipe would be waited for until somebody writes into it, and nothing could end that.
    return await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw fileFailure(cause, path)
  }
}

/** What an error of the file system is to a run. */
export function fileFailure(cause: unknown, path: string): HotwellError {
  const { code = '', message } = cause as NodeJS.ErrnoException
  const what = code === 'ENOENT' ? `There is no file ${path}.` : `${path} cannot be read: ${message}.`
  return new HotwellError('source_failed', what, { cause, retryable: !lasting.has(code) })
}

/** @throws HotwellError `source_failed` for what is no file */
export async function fileState(file: FileHandle, path: string): Promise<FileState> {
  const stat = await file.stat({ bigint: true })
  if (!stat.isFile()) throw new HotwellError('source_failed', `${path} is no ordinary file.`, { retryable: false })
  return { inode: String(stat.ino), size: Number(stat.size), modified: String(stat.mtimeNs) }
}

export function positionText(state: FileState, window: Window, line: number): string {
  const position: Position = { ...state, offset: window.offset, tail: hashOf(window.tail), line }
  return JSON.stringify(position)
}

/**
 * Where to go on in a file as it is now.
 * @throws HotwellError `position_lost` when it cannot be the one that the position is of
 */
export function startOf(after: string | undefined, found: FileState, path: string): Start {
  if (after === undefined) return { offset: 0, end: found.size, line: 0 }
  const { offset, size, inode, modified, tail, line } = parsePosition(after)
  if (inode !== found.inode) throw lost(`${path} was replaced.`)
  if (found.size < size) throw lost(`${path} became shorter.`)
  if (found.size === size && found.modified !== modified) throw lost(`${path} was changed.`)
  return { offset, end: size, line, tail }
}

/** Compares what was before the position with what is. */
export function checkPosition({ tail }: Start, window: Window, path: string): void {
  if (hashOf(window.tail) !== tail) throw lost(`${path} was changed before the position.`)
}

function parsePosition(text: string): Position {
  try {
    const { offset, size, inode, modified, tail, line } = JSON.parse(text)
    const numbers = [offset, size, line].every(value => Number.isSafeInteger(value) && value >= 0)
    if (numbers && offset <= size && typeof tail === 'string') return { offset, size, inode, modified, tail, line }
  } catch {
    // It is none.
  }
  throw lost('The position is none of a JSONL file.')
}

function hashOf(tail: Buffer): string {
  return hash('sha256', tail, 'base64url').slice(0, 22)
}

function lost(why: string): HotwellError {
  return new HotwellError('position_lost', `${why} It is read from the start.`)
}
