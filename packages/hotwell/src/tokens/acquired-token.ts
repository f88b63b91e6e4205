import { providerFailure } from './failure.ts'
import type { AcquiredToken, Grant } from './provider.ts'

/** The longest token that is taken, in bytes of UTF-8. */
export const longestToken = 128 * 1024
/** A longer life, in seconds, is taken for nonsense: 100 years. */
const longestLife = 100 * 365.25 * 86_400
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const control = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Checks what a provider obtained, and returns a copy with the known fields only.
 * @param from who returned it, for the message
 * @throws HotwellError `provider_error` that says what is wrong and never shows the token
 */
export function checkAcquiredToken(token: unknown, from: string): AcquiredToken {
  if (token === null || typeof token !== 'object') throw unusable(from, `${typeOf(token)} instead of a token`)
  const { value, expiresInSeconds, tokenType, scope, grant, serverDate } = token as AcquiredToken
  checkText(value, 'token', from)
  checkLife(expiresInSeconds, from)
  if (tokenType !== undefined) checkText(tokenType, 'token type', from)
  if (scope !== undefined && typeof scope !== 'string') throw unusable(from, `a scope that is ${typeOf(scope)}`)
  if (serverDate !== undefined && !Number.isFinite(serverDate)) throw unusable(from, 'a server date that is no number')
  const checked: AcquiredToken = { value, expiresInSeconds }
  if (tokenType !== undefined) checked.tokenType = tokenType
  if (scope !== undefined) checked.scope = scope
  if (grant !== undefined) checked.grant = checkGrant(grant, from)
  if (serverDate !== undefined) checked.serverDate = serverDate
  return checked
}

/** A life as it stands in JSON: `1e999` there is not a way to say "for ever". */
export function finite<T>(seconds: T): T | number {
  return seconds === Infinity ? Number.NaN : seconds
}

function checkGrant(grant: Grant, from: string): Grant {
  if (grant === null || typeof grant !== 'object') throw unusable(from, `a grant that is ${typeOf(grant)}`)
  const { value, expiresAt } = grant
  checkText(value, 'refresh token', from)
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) throw unusable(from, 'a grant without a sane expiry')
  return expiresAt === undefined ? { value } : { value, expiresAt }
}

function checkText(value: unknown, what: string, from: string): void {
  if (value === undefined) throw unusable(from, `no ${what}`)
  if (typeof value !== 'string') throw unusable(from, `a ${what} that is ${typeOf(value)}`)
  if (value === '') throw unusable(from, `an empty ${what}`)
  const bytes = Buffer.byteLength(value)
  if (bytes > longestToken) throw unusable(from, `a ${what} of ${bytes} bytes; at most ${longestToken} are taken`)
  if (control.test(value)) throw unusable(from, `a ${what} with control characters`)
}

function checkLife(seconds: unknown, from: string): void {
  if (seconds === undefined) throw unusable(from, 'a token without saying how long it lives')
  if (typeof seconds !== 'number') throw unusable(from, `a life that is ${typeOf(seconds)}`)
  if (!(seconds > 0)) throw unusable(from, `a life of ${seconds} seconds; it has to be above 0`)
  if (seconds > longestLife && seconds !== Infinity) throw unusable(from, 'a life of more than a hundred years')
}

function unusable(from: string, what: string) {
  // The provider did answer: for whoever spent a single-use grant, what became of it is not known.
  // After a login it may be what a refusal looks like.
  const details = { sent: true, answered: true }
  return providerFailure({ disposition: 'uncertain', message: `${from} returned ${what}.`, details })
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : `of type ${Array.isArray(value) ? 'array' : typeof value}`
}
