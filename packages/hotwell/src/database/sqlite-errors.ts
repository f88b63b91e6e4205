import { HotwellError } from '../core/errors.ts'

/** Primary result codes: https://www.sqlite.org/rescode.html */
const busyCodes = new Set([5, 6, 15])
const lostCodes = new Set([8, 10, 11, 14, 26])

/** True while another connection is in the way: the same call may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return busyCodes.has(primaryCode(error))
}

/**
 * True when the connection is of no use any more: the next call opens the file anew. One that was opened while the file
 * was read-only stays so for ever.
 */
export function isLost(error: unknown): boolean {
  return lostCodes.has(primaryCode(error))
}

/** Says what is wrong with the file and what to do. Errors that are not the disk's or the file's pass through. */
export function sqliteFailure(error: unknown, path: string, waitedMs = 0): unknown {
  const unavailable = (message: string) => new HotwellError('store_unavailable', message, { cause: error })
  const unreadable = (message: string) => new HotwellError('store_unreadable', message, { cause: error })
  const aside = `Nothing was changed. Restore it from a copy, or move it and its -wal and -shm files away to start anew.`
  switch (primaryCode(error)) {
    case 5:
    case 6:
    case 15:
      return unavailable(`${path} has been locked by another process for ${Math.round(waitedMs)} ms.`)
    case 3:
    case 8:
    case 23:
      return unavailable(
        `${path} is read-only. Make it, its -wal and -shm files and its folder writable for the user that runs Hotwell.`,
      )
    case 10:
      return unavailable(`${path} could not be read or written: the disk reports an error. Check the disk.`)
    case 13:
      return unavailable(`${path} could not be written: the disk is full. Free some space; no restart is needed.`)
    case 14:
      return unavailable(`${path} could not be opened. Check that its folder is there and may be written.`)
    case 11:
      return unreadable(`${path} is damaged. ${aside}`)
    case 24:
    case 26:
      return unreadable(`${path} is not an SQLite database. ${aside}`)
    default:
      return isFileError(error)
        ? unavailable(`${path} could not be opened: ${error.code}. ${advice(error.code)}`)
        : error
  }
}

function primaryCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : 0
}

function isFileError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && typeof (error as NodeJS.ErrnoException).code === 'string'
}

function advice(code: string): string {
  if (code === 'ENOSPC') return 'Free some space.'
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'A part of its path is a file, not a folder.'
  return 'Make its folder writable for the user that runs Hotwell, or name another one.'
}
