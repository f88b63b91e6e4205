import { HotwellError } from '../core/errors.ts'

const longestNameBytes = 256
const longestPasswordBytes = 4096
const longestReason = 500
const control = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** @throws HotwellError `invalid_request` unless it is 1 to 256 bytes without control characters and markup, and fits into a ref */
export function checkName(what: 'site' | 'account' | 'username', name: unknown): asserts name is string {
  const refused = (why: string) => new HotwellError('invalid_request', `The ${what} ${why}.`)
  if (typeof name !== 'string' || name === '') throw refused('is missing: give a text of 1 to 256 bytes')
  const bytes = Buffer.byteLength(name)
  if (bytes > longestNameBytes) throw refused(`has ${bytes} bytes; at most ${longestNameBytes} are allowed`)
  if (!name.isWellFormed()) throw refused('is not well-formed Unicode')
  if (control.test(name)) throw refused(`${JSON.stringify(name)} has control characters`)
  if (/[<>]/.test(name)) throw refused(`"${name}" has markup: "<" and ">" are not allowed`)
  if (what !== 'username' && (name === '.' || name === '..'))
    throw refused(`"${name}" would be taken for a relative path`)
  if (name.trim() !== name) throw refused(`"${name}" begins or ends with a space`)
}

/** The message never shows the password. @throws HotwellError `invalid_request` */
export function checkPassword(password: unknown): asserts password is string {
  const refused = (why: string) => new HotwellError('invalid_request', `The password ${why}.`)
  if (typeof password !== 'string' || password === '') throw refused('is empty')
  const bytes = Buffer.byteLength(password)
  if (bytes > longestPasswordBytes) throw refused(`has ${bytes} bytes; at most ${longestPasswordBytes} are allowed`)
  if (!password.isWellFormed()) throw refused('is not well-formed Unicode')
  if (/\p{Cc}/u.test(password)) throw refused('has control characters, perhaps the end of its line')
}

/** @throws HotwellError `invalid_request` */
export function checkBar({ reason, until }: { reason?: unknown; until?: unknown }, now: number): void {
  const refused = (why: string) => new HotwellError('invalid_request', `The ${why}.`)
  if (reason !== undefined) {
    if (typeof reason !== 'string' || reason.trim() === '') throw refused('reason of the bar is empty')
    if (reason.length > longestReason) throw refused(`reason of the bar has more than ${longestReason} characters`)
    if (control.test(reason) || !reason.isWellFormed()) throw refused('reason of the bar has control characters')
  }
  if (until === undefined) return
  if (typeof until !== 'number' || Number.isNaN(new Date(until).getTime()))
    throw refused('end of the bar is not an instant')
  if (until <= now) throw refused(`end of the bar, ${new Date(until).toISOString()}, is not in the future`)
}

export function notFound(site: string, account: string): HotwellError {
  return new HotwellError('not_found', `The site ${JSON.stringify(site)} has no account ${JSON.stringify(account)}.`)
}
