import { HotwellError, type Providers, type RefText, type TokenManager } from 'hotwell'
import type { FromThread, ToThread } from '../workers/messages.ts'
import { plainError } from '../workers/plain-error.ts'

type Question = Extract<FromThread, { kind: 'ask' }>

/** Answers a thread that wants a token. It gets those that the configuration gives to its sync, and no others. */
export async function answerForToken(
  tokens: TokenManager,
  refs: readonly string[],
  { number, ref, rejected }: Question,
): Promise<ToThread> {
  try {
    if (!refs.includes(ref)) throw new HotwellError('forbidden', `The sync is not given the token "${ref}".`)
    const handle = tokens.token(ref as RefText<Providers>)
    if (rejected !== undefined) await handle.invalidate(rejected)
    const { value, tokenType, expiresAt } = await handle.getDetails()
    return { kind: 'token', number, token: { value, tokenType, expiresAt } }
  } catch (error) {
    return { kind: 'token', number, error: plainError(error, 'provider_error') }
  }
}
