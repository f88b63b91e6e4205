import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { HotwellError } from '../../core/errors.ts'
import type { DeadLetter, DeadLetterKey } from '../model/rows.ts'

/**
 * Reads a file of one dead letter a line; one that is not there holds none.
 * @throws HotwellError `target_unavailable`
 */
export async function readLetters(
  path: string,
  after: DeadLetterKey | undefined,
  limit: number,
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  let isBehind = after === undefined
  try {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      if (letters.length >= limit) break
      const { run: _, ...letter } = JSON.parse(line) as DeadLetter & { run: string }
      if (isBehind) letters.push(letter)
      else isBehind = letter.kind === after!.kind && letter.key === after!.key
    }
    return letters
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new HotwellError('target_unavailable', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
