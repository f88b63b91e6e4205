import type { HotwellError } from '../core/errors.ts'
import { providerFailure } from './failure.ts'
import type { TokenEndpointReply } from './token-endpoint.ts'

/** Recognises a reply. All that is given has to fit. */
export interface ReplyPattern {
  /** The HTTP status, or one of several. */
  status?: number | readonly number[]
  /** A member of the JSON body, such as `data.code`; with `equals` it has to be this value, or one of several. */
  path?: string
  equals?: string | number | boolean | readonly (string | number | boolean)[]
  /** Part of the body's text, or an expression that it matches. */
  text?: string | RegExp
  /** Part of the `Location` header, or an expression that it matches. */
  location?: string | RegExp
}

/** What a site may say to a login. */
export type SiteRefusal = 'badPassword' | 'badCaptcha' | 'locked'

export interface SiteOutcomes extends Partial<Record<SiteRefusal, ReplyPattern | readonly ReplyPattern[]>> {
  /** Needed where a cookie from before the login is the token, or a refusal sets one as well. */
  success?: ReplyPattern | readonly ReplyPattern[]
}

/** The order matters: a captcha is looked at before the password, and a locked account refuses both. */
const refusals = ['locked', 'badCaptcha', 'badPassword'] as const

const wrong = '(?:wrong|incorrect|invalid|mismatch|expired|错误|有误|不正确|不匹配|失效|过期)'
/** In one phrase: neither another sentence or element, nor another member of a JSON object. */
const said = (what: string) => new RegExp(`(?:${what})[^<>".。]{0,40}${wrong}|${wrong}[^<>".。]{0,40}(?:${what})`, 'i')
const aboutPassword = said('password|credentials|密码|口令')
const defaults: Readonly<Record<SiteRefusal, readonly ReplyPattern[]>> = {
  locked: [{ status: 423 }, { text: /account[^<>.]{0,30}\blocked|账号[^<>。]{0,20}(?:锁定|冻结)|too many failed/i }],
  badCaptcha: [{ text: said('captcha|verification code|验证码') }],
  badPassword: [{ status: 401 }, { text: aboutPassword }],
}

export function matches(patterns: ReplyPattern | readonly ReplyPattern[], reply: TokenEndpointReply): boolean {
  return listOf(patterns).some(pattern => fits(pattern, reply))
}

/** What the configured patterns make of a reply; with `guess`, what the usual words and statuses do. */
export function refusalOf(
  reply: TokenEndpointReply,
  outcomes: SiteOutcomes,
  { guess }: { guess: boolean },
): SiteRefusal | undefined {
  const found = refusals.find(refusal => {
    const patterns = outcomes[refusal] ?? (guess ? defaults[refusal] : undefined)
    return patterns !== undefined && matches(patterns, reply)
  })
  // "User name, password or captcha wrong": neither a reason to send the password again at once nor one to bar.
  const either = found === 'badCaptcha' && !outcomes.badCaptcha && aboutPassword.test(reply.text)
  return either ? undefined : found
}

/** The error of a login that the site judged. It quotes nothing of the site's answer. */
export function refusalFailure(refusal: SiteRefusal, from: string, details?: HotwellError['details']): HotwellError {
  if (refusal === 'badCaptcha') {
    const message = `${from} says that the answer to its captcha is wrong.`
    return providerFailure({ message, status: 'captcha_error', scope: 'account', disposition: 'retryable', details })
  }
  const message =
    refusal === 'locked'
      ? `${from} has locked this account. Have it unlocked at the site, then unbar it here.`
      : `${from} refuses the user name or the password of this account. Correct its password before it is locked out.`
  return providerFailure({ code: 'credentials_rejected', scope: 'account', message, details })
}

/** A member of nested objects by its dotted name. Own members only. */
export function memberAt(value: unknown, path: string): unknown {
  let found = value
  for (const name of path.split('.')) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

function fits({ status, path, equals, text, location }: ReplyPattern, reply: TokenEndpointReply): boolean {
  if (status !== undefined && !listOf(status).includes(reply.status)) return false
  if (path !== undefined) {
    const value = memberAt(reply.json, path)
    if (value === undefined || (equals !== undefined && !listOf(equals).includes(value as string))) return false
  }
  if (text !== undefined && !holds(reply.text, text)) return false
  return location === undefined || holds(reply.headers.get('location') ?? '', location)
}

function holds(text: string, part: string | RegExp): boolean {
  return typeof part === 'string' ? text.includes(part) : text.search(part) >= 0
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}
