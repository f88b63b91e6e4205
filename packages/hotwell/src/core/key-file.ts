import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HotwellError } from './errors.ts'

/**
 * The key of a key file, which is made if it is not there. Of several processes that make it at once one wins, and the
 * others read the winner's: it is complete on the disk before it has its name.
 *
 * @throws HotwellError `invalid_configuration` when others may read the file, `store_unavailable` when it cannot be
 * read or written.
 */
export async function ensureKeyFile(path: string): Promise<string> {
  const present = await readKeyFile(path)
  if (present !== undefined) return present
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(32).toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    // Unlike a rename, a link never replaces the key that another process has put there meanwhile.
    await link(temporary, path).catch(ignoring('EEXIST'))
    await syncFolder(dirname(path))
  } catch (cause) {
    throw failure(path, 'written', cause)
  } finally {
    await unlink(temporary).catch(() => {})
  }
  const made = await readKeyFile(path)
  if (made === undefined) throw failure(path, 'found after it was written')
  return made
}

/** The key of a key file, or undefined if there is none. Throws as {@link ensureKeyFile} does. */
export async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && mode & 0o077)
      throw new HotwellError(
        'invalid_configuration',
        `The key file ${path} may be read or written by others (mode ${(mode & 0o777).toString(8)}). ` +
          `If nobody has read it: chmod 600 ${path}`,
      )
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    if (cause instanceof HotwellError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure(path, 'read', cause)
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync().catch(ignoring('EINVAL', 'EISDIR', 'EPERM'))
  } finally {
    await folder.close()
  }
}

function ignoring(...codes: string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}

function failure(path: string, what: string, cause?: unknown): HotwellError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  return new HotwellError('store_unavailable', `The key file ${path} could not be ${what}${code ? `: ${code}` : ''}.`, {
    cause,
  })
}
