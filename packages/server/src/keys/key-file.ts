import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HotwellError } from 'hotwell'
import { z } from 'zod'
import type { StoredKey } from './api-key.ts'
import { apiKeyActions } from './key-scope.ts'

const contents = z.object({
  keys: z.array(
    z.object({
      name: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      refs: z.array(z.string()).min(1),
      actions: z.array(z.enum(apiKeyActions)).min(1),
      createdAt: z.string().optional(),
    }),
  ),
})

/** Where a data folder keeps the hashes of its API keys. */
export function keyFilePath(dataDir: string): string {
  return join(dataDir, 'keys.json')
}

/**
 * The keys of a file; none if there is no file.
 * @throws HotwellError `invalid_configuration` for a file that cannot be read: guessing would open doors
 */
export async function readKeyFile(path: string): Promise<readonly StoredKey[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unreadable(path, error)
  }
  try {
    return contents.parse(JSON.parse(text)).keys
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Replaces the file at once, readable by its owner only, so that a reader finds either the old keys or the new. */
export async function writeKeyFile(path: string, keys: readonly StoredKey[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomUUID()}`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ keys }, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

function unreadable(path: string, cause: unknown): HotwellError {
  const message = `The key file ${path} cannot be read; repair it, or remove it and make new keys with: hotwell keys create`
  return new HotwellError('invalid_configuration', message, { cause })
}
