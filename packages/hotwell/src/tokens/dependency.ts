import { HotwellError } from '../core/errors.ts'
import { parseRef, type Ref } from './ref.ts'
import type { TokenEntry } from './token-entry.ts'

/** Who waits for whom, so that a circle is an error instead of a wait without end. */
const waitingFor = new WeakMap<TokenEntry, TokenEntry>()

/**
 * The value of the token that another one depends on.
 * @throws HotwellError `invalid_configuration` when the tokens depend on each other in a circle
 */
export async function resolveDependency(
  needed: TokenEntry,
  dependent: TokenEntry,
  signal: AbortSignal,
): Promise<string> {
  for (let next: TokenEntry | undefined = needed; next; next = waitingFor.get(next)) {
    if (next !== dependent) continue
    throw new HotwellError(
      'invalid_configuration',
      `${dependent.ref.canonical} depends on ${needed.ref.canonical}, which depends on it in turn.`,
    )
  }
  waitingFor.set(dependent, needed)
  try {
    return (await needed.getIssued({ signal })).value
  } finally {
    waitingFor.delete(dependent)
  }
}

/** Whether a token is acquired with that of `needed`. */
export function dependsOn({ provider, ref }: TokenEntry, needed: Ref): boolean {
  try {
    const name = provider.dependsOn?.(ref)
    return name !== undefined && (name === needed.canonical || parseRef(name).canonical === needed.canonical)
  } catch {
    // Acquiring meets the same, and tells it.
    return false
  }
}
