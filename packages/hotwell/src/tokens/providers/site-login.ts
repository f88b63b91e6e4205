import type { HotwellError } from '../../core/errors.ts'
import { checkAcquiredToken, finite } from '../acquired-token.ts'
import { attachAt, type TokenPlace } from '../attach-token.ts'
import { providerFailure } from '../failure.ts'
import type { AcquiredToken, AcquireRequest, Provider, Quota } from '../provider.ts'
import {
  credentialVersionOf,
  misconfigured,
  refuseUnknownOptions,
  requireBaseUrls,
  requirePositiveSeconds,
  requireQuota,
  requireText,
  requireUrl,
} from '../provider-options.ts'
import { formLogin, type SiteForm } from '../site-form.ts'
import { type BrowserLogin, hookLogin } from '../site-hook.ts'
import { matches, type ReplyPattern, type SiteOutcomes } from '../site-outcomes.ts'

export type { SiteRefusal } from '../site-outcomes.ts'
export type { BrowserLogin, ReplyPattern, SiteOutcomes, TokenPlace }

export interface SiteLoginOptions extends Omit<Partial<SiteForm>, 'login'> {
  /** The site. All requests of a login go to this origin, and to no other. */
  baseUrl: string
  /** Where the login is sent, and the page that a lost session is sent back to. @default '/login' */
  loginPath?: string
  /**
   * A login of one's own instead of a request, such as one that drives a browser. It is left to end by itself when
   * `signal` aborts: while it runs, no other login of this account begins.
   */
  login?: BrowserLogin
  /** The longest that one login may take, page and captcha included, in seconds. @default 60 */
  loginTimeoutSeconds?: number
  /** Where the site's API wants the token. Default: where it was found; one from a body as `Authorization: Bearer`. */
  attach?: TokenPlace | NonNullable<Provider['attach']>
  /** A reply by which the API rejects a token. Default: status 401, or a redirect to the login page. */
  rejects?: ReplyPattern | NonNullable<Provider['rejects']>
  /** The APIs that `handle.fetch` may call with these tokens. Default: the site. */
  baseUrls?: readonly string[]
  /** Allows plain http to other machines. The password then travels readable. @default false */
  allowInsecure?: boolean
  /** @default globalThis.fetch */
  fetch?: typeof globalThis.fetch
  /** The limit on logins. Default: learned from refusals. */
  quota?: Quota
}

const me = 'site-login'
const optionNames = [
  'baseUrl',
  'loginPath',
  'form',
  'fields',
  'extraFields',
  'prepare',
  'captcha',
  'captchaPath',
  'login',
  'token',
  'expiresInSeconds',
  'outcomes',
  'loginTimeoutSeconds',
  'attach',
  'rejects',
  'baseUrls',
  'allowInsecure',
  'fetch',
  'quota',
] as const satisfies readonly (keyof SiteLoginOptions)[]

/**
 * A site that is logged in to with account and password: kind `account`, with the accounts of the manager. One call is
 * one login; what may be tried again, and when, is the manager's to decide, because each try can count towards a
 * lock-out. Errors never show the password, nor anything that the site said.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function siteLogin(options: SiteLoginOptions): Provider<'account'> {
  refuseUnknownOptions(me, options, optionNames)
  const { loginPath = '/login', loginTimeoutSeconds = 60, expiresInSeconds = 3600, login } = options
  const { allowInsecure = false, fetch = globalThis.fetch, extraFields = {}, attach, rejects, captcha } = options
  const baseUrl = requireUrl(me, 'baseUrl', options.baseUrl, allowInsecure)
  const loginUrl = sameOrigin('loginPath', loginPath, baseUrl)
  requirePositiveSeconds(me, 'loginTimeoutSeconds', loginTimeoutSeconds)
  requirePositiveSeconds(me, 'expiresInSeconds', expiresInSeconds)
  for (const [name, hook] of Object.entries({ login, captcha })) {
    if (hook !== undefined && typeof hook !== 'function') throw misconfigured(me, `the option "${name}" is a function.`)
  }
  const form = login ? undefined : checkedForm({ ...options, expiresInSeconds, extraFields }, { baseUrl, loginUrl })

  async function acquire(request: AcquireRequest): Promise<AcquiredToken> {
    const { signal, clock, credentials, note, ref } = request
    signal.throwIfAborted()
    if (!credentials) {
      const message = `${ref.canonical} is logged in to with an account and its password, and there is none here.`
      throw providerFailure({ code: 'unknown_subject', message, details: { sent: false } })
    }
    const progress = { sent: false, captchaAttempts: 0 }
    const deadline = new AbortController()
    const timer = clock.schedule(() => {
      const message = `The login at ${baseUrl.origin} took longer than ${loginTimeoutSeconds} s.`
      deadline.abort(providerFailure({ code: 'timeout', message, details: { sent: progress.sent } }))
    }, loginTimeoutSeconds * 1000)
    const startedAt = clock.monotonic()
    const attempt = { credentials, clock, signal: AbortSignal.any([signal, deadline.signal]), progress }
    try {
      const acquired = form
        ? await formLogin(form, { ...attempt, fetch, timeoutSeconds: loginTimeoutSeconds + 1 })
        : await hookLogin(login!, { ...attempt, baseUrl })
      return usable(acquired, baseUrl.origin, progress)
    } finally {
      timer.cancel()
      note({ loginMs: clock.monotonic() - startedAt, captchaAttempts: progress.captchaAttempts })
    }
  }

  const place = typeof attach === 'function' ? undefined : (attach ?? placeOf(options.token))
  return {
    identity: `site_login|${loginUrl.href}`,
    kinds: ['account'],
    needsAccount: true,
    acquire,
    attach: typeof attach === 'function' ? attach : place && attachAt(place),
    rejects: typeof rejects === 'function' ? rejects : rejectedBy(rejects, loginUrl),
    baseUrls: requireBaseUrls(me, options.baseUrls ?? [baseUrl.href], allowInsecure),
    quota: requireQuota(me, options.quota),
    credentialVersion: credentialVersionOf(JSON.stringify(extraFields)),
  }
}

type Given = SiteLoginOptions & Pick<SiteForm, 'expiresInSeconds' | 'extraFields'>

function checkedForm(given: Given, { baseUrl, loginUrl }: { baseUrl: URL; loginUrl: URL }) {
  const { form = 'urlencoded', fields = {}, prepare = false, captcha, captchaPath, outcomes = {}, token } = given
  if (form !== 'urlencoded' && form !== 'json') throw misconfigured(me, `the option "form" is 'urlencoded' or 'json'.`)
  if ((captcha === undefined) !== (captchaPath === undefined)) {
    throw misconfigured(me, 'a captcha needs both "captcha", which answers it, and "captchaPath", where it lies.')
  }
  if (!token || !['body', 'header', 'cookie'].includes(token.from)) {
    throw misconfigured(me, `the option "token" says where the token is: { from: 'body', path: 'data.token' }.`)
  }
  requireText(me, token.from === 'body' ? 'token.path' : 'token.name', token.from === 'body' ? token.path : token.name)
  const { username = 'username', password = 'password', captcha: captchaField = 'captcha' } = fields
  return {
    loginUrl,
    form,
    fields: { username, password, captcha: captchaField },
    extraFields: given.extraFields,
    pageUrl: prepare === false ? undefined : prepare === true ? loginUrl : sameOrigin('prepare', prepare, baseUrl),
    captcha,
    captchaUrl: captchaPath === undefined ? undefined : sameOrigin('captchaPath', captchaPath, baseUrl),
    token,
    expiresInSeconds: given.expiresInSeconds,
    outcomes: outcomes satisfies SiteOutcomes,
  }
}

/** What is no token after a login may be what a refusal looks like. */
function usable(acquired: AcquiredToken, from: string, { sent }: { sent: boolean }): AcquiredToken {
  try {
    return checkAcquiredToken({ ...acquired, expiresInSeconds: finite(acquired?.expiresInSeconds) }, from)
  } catch (error) {
    const { message } = error as HotwellError
    throw providerFailure({ message, disposition: 'uncertain', details: { sent, answered: sent } })
  }
}

function sameOrigin(option: string, path: unknown, baseUrl: URL): URL {
  const text = requireText(me, option, path)
  if (!URL.canParse(text, baseUrl.href)) throw misconfigured(me, `the option "${option}" is no path of the site.`)
  const url = new URL(text, baseUrl)
  if (url.origin === baseUrl.origin) return url
  throw misconfigured(me, `the option "${option}" leads away from ${baseUrl.origin}, to ${url.origin}.`)
}

function placeOf(token: SiteForm['token'] | undefined): TokenPlace | undefined {
  if (!token || token.from === 'body') return undefined
  return token.from === 'cookie' ? { cookie: token.name } : { header: token.name }
}

function rejectedBy(pattern: ReplyPattern | undefined, loginUrl: URL): NonNullable<Provider['rejects']> {
  return ({ status, headers, body }) => {
    if (pattern) {
      const text = body === undefined ? '' : JSON.stringify(body)
      return matches(pattern, { status, headers, json: body, text, from: loginUrl.origin, repeatable: true })
    }
    if (status === 401) return true
    const location = headers.get('location')
    if (status < 300 || status > 399 || location === null || !URL.canParse(location, loginUrl.href)) return false
    const target = new URL(location, loginUrl)
    return target.origin === loginUrl.origin && target.pathname === loginUrl.pathname
  }
}
