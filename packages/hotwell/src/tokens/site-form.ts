import type { Clock } from '../core/clock.ts'
import { type HotwellError, isHotwellError } from '../core/errors.ts'
import type { AccountCredentials } from './account-source.ts'
import { failureOf, providerFailure } from './failure.ts'
import { hiddenFields, showsForm } from './hidden-fields.ts'
import type { AcquiredToken } from './provider.ts'
import { SiteCookies } from './site-cookies.ts'
import { matches, memberAt, refusalFailure, refusalOf, type SiteOutcomes } from './site-outcomes.ts'
import { callTokenEndpoint, failureByStatus, showsSecret, type TokenEndpointReply } from './token-endpoint.ts'

/** A captcha as the site showed it. */
export interface CaptchaChallenge {
  /** Such as `image/svg+xml`; empty where the site did not say. */
  readonly contentType: string
  /** The body as text: an SVG image, JSON, a question. */
  readonly text: string
  /** The body as it came: a PNG or JPEG image. */
  readonly bytes: Uint8Array
}

/** How the login of a site is sent, and what its answers mean. */
export interface SiteForm {
  /** How the fields are sent. @default 'urlencoded' */
  form: 'urlencoded' | 'json'
  /** The names of the fields. @default { username: 'username', password: 'password', captcha: 'captcha' } */
  fields: { username?: string; password?: string; captcha?: string }
  /** More fields with values of their own. @default none */
  extraFields: Readonly<Record<string, string | number | boolean>>
  /** Gets a page first, whose cookies and hidden fields go with the login: true for that at `loginPath`. @default false */
  prepare: boolean | string
  /** Where the captcha lies. Needs `captcha`. */
  captchaPath: string
  /** Answers a captcha. What it throws counts as a captcha that failed. */
  captcha: (challenge: CaptchaChallenge, options: { signal: AbortSignal }) => Promise<string> | string
  /**
   * Where the token is in the site's answer. `path` is dotted (`data.token`), and so is `expiresInPath`, the member with
   * the token's life in seconds.
   */
  token:
    | { from: 'body'; path: string; expiresInPath?: string }
    | { from: 'header' | 'cookie'; name: string; expiresInPath?: string }
  /** The life of a token of which the answer tells none, in seconds. @default 3600 */
  expiresInSeconds: number
  /** How answers are recognised. Default: by the usual statuses (401, 423) and words, in English and Chinese. */
  outcomes: SiteOutcomes
}

/** One login: with what, until when, and how far it got. */
export interface LoginAttempt {
  readonly credentials: AccountCredentials
  readonly signal: AbortSignal
  readonly clock: Clock
  /** `sent`: the password may have reached the site. */
  readonly progress: { sent: boolean; captchaAttempts: number }
}

interface CheckedForm extends Pick<SiteForm, 'form' | 'extraFields' | 'token' | 'expiresInSeconds' | 'outcomes'> {
  readonly loginUrl: URL
  readonly pageUrl: URL | undefined
  readonly captchaUrl: URL | undefined
  readonly fields: Required<SiteForm['fields']>
  readonly captcha: SiteForm['captcha'] | undefined
}

type FormAttempt = LoginAttempt & { fetch: typeof globalThis.fetch; timeoutSeconds: number }

/** One login by requests: the page, the captcha, the form. Throws sorted errors that tell in `sent` what may have left. */
export async function formLogin(site: CheckedForm, attempt: FormAttempt): Promise<AcquiredToken> {
  const { credentials, progress } = attempt
  const cookies = new SiteCookies()
  const values: Record<string, string | number | boolean> = {}
  if (site.pageUrl) Object.assign(values, hiddenFields((await get(site.pageUrl, cookies, attempt)).text))
  Object.assign(values, site.extraFields)
  if (site.captcha && site.captchaUrl) {
    const chunks: Uint8Array[] = []
    const challenge = await get(site.captchaUrl, cookies, { ...attempt, fetch: keepingBytes(attempt.fetch, chunks) })
    values[site.fields.captcha] = await solve(site.captcha, { challenge, bytes: Buffer.concat(chunks) }, attempt)
  }
  values[site.fields.username] = credentials.username
  values[site.fields.password] = credentials.password
  const [type, body] =
    site.form === 'json'
      ? ['application/json', JSON.stringify(values)]
      : [
          'application/x-www-form-urlencoded',
          new URLSearchParams(
            Object.entries(values).map(([name, value]): [string, string] => [name, String(value)]),
          ).toString(),
        ]
  const headers = { 'content-type': type, accept: 'application/json, text/html, */*', ...cookies.headers() }
  attempt.signal.throwIfAborted()
  progress.sent = true
  const reply = await call(site.loginUrl, { method: 'POST', headers, body }, attempt)
  return judged(site, reply, cookies, attempt.clock.now())
}

async function get(url: URL, cookies: SiteCookies, attempt: FormAttempt): Promise<TokenEndpointReply> {
  const reply = await call(url, { headers: cookies.headers() }, attempt)
  cookies.take(reply.headers, reply.serverDate ?? attempt.clock.now())
  if (reply.status === 200) return reply
  throw withSent(reply.status < 300 ? notUnderstood(reply) : failureByStatus(reply), { sent: false })
}

/** A `fetch` that keeps what is read of a body, for images. How much is read is the reader's to limit. */
function keepingBytes(fetch: typeof globalThis.fetch, chunks: Uint8Array[]): typeof globalThis.fetch {
  return async (url, init) => {
    const response = await fetch(url, init)
    if (response.status !== 200 || !response.body) return response
    const kept = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        chunks.push(chunk)
        controller.enqueue(chunk)
      },
    })
    return new Response(response.body.pipeThrough(kept), response)
  }
}

interface Shown {
  challenge: TokenEndpointReply
  bytes: Uint8Array
}

async function solve(captcha: SiteForm['captcha'], { challenge, bytes }: Shown, attempt: FormAttempt) {
  const { signal, progress } = attempt
  progress.captchaAttempts++
  const contentType = challenge.headers.get('content-type') ?? ''
  try {
    const answer = await captcha({ contentType, text: challenge.text, bytes }, { signal })
    if (typeof answer === 'string' && answer !== '') return answer
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw unsolved(challenge, showsSecret(cause, [attempt.credentials.password]) ? undefined : cause)
  }
  throw unsolved(challenge)
}

function unsolved({ from }: TokenEndpointReply, cause?: unknown): HotwellError {
  const message = `The captcha of ${from} was not answered: the option "captcha" gave no text.`
  return providerFailure({ message, status: 'captcha_error', scope: 'account', cause, details: { sent: false } })
}

async function call(url: URL, init: RequestInit, attempt: FormAttempt): Promise<TokenEndpointReply> {
  const { signal, clock, fetch, timeoutSeconds, credentials, progress } = attempt
  const secrets = [credentials.password]
  try {
    return await callTokenEndpoint({ url: url.href, init, fetch, signal, clock, timeoutSeconds, secrets })
  } catch (error) {
    if (signal.aborted || !isHotwellError(error)) throw error
    // What surely never left is the only retryable one of these.
    throw withSent(error, { sent: progress.sent && failureOf(error).disposition === 'uncertain' })
  }
}

/** The token in the site's answer. What is not understood may have been the refusal of a password. */
function judged(site: CheckedForm, reply: TokenEndpointReply, cookies: SiteCookies, nowMs: number): AcquiredToken {
  const { from, status } = reply
  const { outcomes, token } = site
  const details = { httpStatus: status, sent: true }
  const told = refusalOf(reply, outcomes, { guess: status === 429 })
  if (told) throw refusalFailure(told, from, details)
  if (status === 429) throw withSent(failureByStatus(reply), { sent: false })
  const set = cookies.take(reply.headers, reply.serverDate ?? nowMs)
  const succeeded = outcomes.success ? matches(outcomes.success, reply) : status < 400 && !asksAgain(site, reply)
  if (succeeded) {
    const cookie = token.from === 'cookie' ? set.get(token.name) : undefined
    const kept = token.from === 'cookie' && outcomes.success ? cookies.get(token.name) : undefined
    const found = {
      body: () => (token.from === 'body' ? memberAt(reply.json, token.path) : undefined),
      header: () => (token.from === 'header' ? reply.headers.get(token.name) : undefined),
      cookie: () => cookie?.value ?? kept,
    }[token.from]()
    if (typeof found === 'string' && found !== '') {
      const life = token.expiresInPath === undefined ? undefined : memberAt(reply.json, token.expiresInPath)
      const expiresInSeconds = (life === undefined ? (cookie?.maxAgeSeconds ?? site.expiresInSeconds) : life) as number
      return { value: found, expiresInSeconds, serverDate: reply.serverDate }
    }
  }
  const guessed = refusalOf(reply, outcomes, { guess: true })
  if (guessed) throw refusalFailure(guessed, from, details)
  // A site that is out of order does not look at passwords.
  const answered = status < 500
  throw withSent(status < 300 ? notUnderstood(reply) : failureByStatus(reply), { sent: true, answered })
}

/** Whether it shows the login form, or leads back to it. Sites give a session to strangers as well. */
function asksAgain({ loginUrl, pageUrl }: CheckedForm, { status, headers, text, json }: TokenEndpointReply): boolean {
  if (json === undefined && showsForm(text)) return true
  const location = headers.get('location')
  if (status < 300 || location === null || !URL.canParse(location, loginUrl.href)) return false
  const { pathname } = new URL(location, loginUrl)
  return pathname === loginUrl.pathname || pathname === pageUrl?.pathname
}

function notUnderstood({ from, status }: TokenEndpointReply): HotwellError {
  const message = `${from} answered HTTP ${status} without the token, and without a refusal that is known. Look at the options "token" and "outcomes".`
  return providerFailure({ message, disposition: 'uncertain', details: { httpStatus: status } })
}

/**
 * The same error, which tells whether the password may have reached the site, and whether the site answered to it. Such
 * a one is not just sent again.
 */
function withSent(error: HotwellError, told: { sent: boolean; answered?: boolean }): HotwellError {
  const failure = failureOf(error)
  const disposition = told.sent && failure.disposition === 'retryable' ? 'uncertain' : failure.disposition
  const { code, message, cause, details } = error
  return providerFailure({ ...failure, disposition, code, message, cause, details: { ...details, ...told } })
}
