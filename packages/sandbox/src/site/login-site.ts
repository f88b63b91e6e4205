import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type FaultSettings, Faults } from '../faults.ts'
import { frontDoor } from '../front-door.ts'
import { type ListenOptions, listen } from '../http-server.ts'
import { readJsonBody } from '../json-body.ts'
import { type RawReply, sendReply } from '../raw-reply.ts'
import { RequestCounters } from '../request-counters.ts'
import { seededRandom } from '../seeded-random.ts'
import { AccountBook, type AccountBookOptions, type LoginAccountCounters } from './account-book.ts'
import { readFormBody } from './form-body.ts'
import { casesPage, html, type LoginRefusal, loginPage, refusals } from './pages.ts'
import { Visits } from './visits.ts'

export interface LoginSiteOptions
  extends ListenOptions,
    AccountBookOptions,
    Pick<FaultSettings, 'failureRate' | 'rate429'> {
  /** Whether a login needs the answer to a captcha. @default false */
  captcha?: boolean
  /** Share of right captcha answers, 0 to 1, that are called wrong. @default 0 */
  captchaFailureRate?: number
  /**
   * Milliseconds (of real time) from reading a login to judging it. A login whose sender has left meanwhile is judged
   * all the same. @default 0
   */
  latencyMs?: number
  /** One HTTP status for every refused login, as sites have that show the form again with 200. @default a fitting one each */
  refusalStatus?: number
  /** Decides which captchas and requests fail. @default 1 */
  seed?: number
}

export interface LoginSite extends AsyncDisposable {
  /** `http://127.0.0.1:port`. Log in at `/login` (form) or `/api/login` (JSON), with a session read `/api/cases`. */
  readonly url: string
  readonly port: number
  readonly requests: RequestCounters
  readonly faults: Faults
  /** Logins of all accounts, strangers included: under way now, and the most that ever were together. */
  readonly logins: { readonly running: number; readonly mostAtOnce: number }
  /** Milliseconds that a login takes from now on. */
  latencyMs: number
  /** Share of right captcha answers that are called wrong from now on, where the account has no share of its own. */
  captchaFailureRate: number
  /** Life of sessions begun from now on, in seconds. */
  sessionLifeSeconds: number
  /** What the site knows of an account now. @throws RangeError for a stranger */
  account(username: string): LoginAccountCounters
  /** The same of all accounts, by user name. */
  accounts(): Record<string, LoginAccountCounters>
  /** Its session stays. */
  setPassword(username: string, password: string): void
  /** What the site's operator does for a locked account. */
  unlock(username: string): void
  endSession(username: string): void
  /** Counters back to the start; sessions, lock-outs and faults stay. */
  reset(): void
  close(): Promise<void>
}

const NAMES = new Set(['/login', '/api/login', '/captcha', '/cases', '/api/cases'])

/**
 * A site with accounts, as offices have them: a login form with a hidden token and a captcha, the same login as JSON,
 * lock-out after a row of bad passwords, one session per account. The captcha is checked before the password.
 */
export async function startLoginSite({
  captcha = false,
  captchaFailureRate = 0,
  latencyMs = 0,
  refusalStatus,
  seed = 1,
  failureRate = 0,
  rate429 = 0,
  accounts,
  sessionLifeSeconds,
  lockoutAfter,
  now = Date.now,
  ...listenOptions
}: LoginSiteOptions): Promise<LoginSite> {
  const book = new AccountBook({ accounts, sessionLifeSeconds, lockoutAfter, now })
  const random = seededRandom(seed)
  const visits = new Visits(random, now)
  const requests = new RequestCounters()
  const faults = new Faults(dialect, random, now)
  faults.set({ failureRate, rate429 })
  const closing = new AbortController()
  const logins = { running: 0, mostAtOnce: 0 }
  const settings = { latencyMs, captchaFailureRate }

  /** Judges a login as it came. Its sender may leave; that stops nothing. */
  async function judge(
    fields: Record<string, unknown>,
    visit: ReturnType<Visits['find']>,
    response: ServerResponse,
  ): Promise<LoginRefusal | { session: string }> {
    const account = book.find(fields.username)
    const counted = account ? [logins, account.counters] : [logins]
    if (account) account.counters.attempts++
    // Whoever has left already would never be heard leaving.
    if (!response.closed) {
      for (const counter of counted) counter.mostAtOnce = Math.max(counter.mostAtOnce, ++counter.running)
      response.once('close', () => {
        for (const counter of counted) counter.running--
      })
    }
    if (settings.latencyMs > 0) await wait(settings.latencyMs, undefined, { signal: closing.signal })
    const failsAnyway = random() < (account?.captchaFailureRate ?? settings.captchaFailureRate)
    if (captcha && (!visits.solves(visit, fields.captcha) || failsAnyway)) {
      if (account) account.counters.badCaptchas++
      return 'captcha_wrong'
    }
    return account ? book.logIn(account, fields.password) : 'bad_password'
  }

  async function answerForm(request: IncomingMessage, response: ServerResponse): Promise<RawReply> {
    const fields = (await readFormBody(request)) ?? {}
    const { visit: cookie } = cookiesOf(request)
    const visit = visits.find(cookie)
    const verdict =
      visit && fields.form_token === visit.formToken ? await judge(fields, visit, response) : 'form_expired'
    if (typeof verdict === 'object') {
      return { status: 302, headers: { location: '/cases', 'set-cookie': sessionCookie(verdict.session) } }
    }
    const entered = visits.enter(cookie)
    const body = loginPage({ formToken: entered.visit.formToken, captcha, refusal: verdict })
    return html(refusalStatus ?? refusals[verdict].status, body, visitCookie(entered.id))
  }

  async function answerJson(request: IncomingMessage, response: ServerResponse): Promise<RawReply> {
    const fields = await readJsonBody(request)
    if (typeof fields !== 'object')
      return { status: 400, body: { error: 'bad_request', message: 'Send a JSON object.' } }
    const verdict = await judge(fields, visits.find(cookiesOf(request).visit), response)
    if (typeof verdict === 'object') {
      const { session: token } = verdict
      const headers = { 'x-session-token': token, 'set-cookie': sessionCookie(token) }
      return { headers, body: { token, expiresIn: book.sessionLifeSeconds } }
    }
    const { status, text } = refusals[verdict]
    return { status: refusalStatus ?? status, body: { error: verdict, message: text } }
  }

  const sessionCookie = (token: string) =>
    `session=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${book.sessionLifeSeconds}`

  /** The cases of whoever has the session; undefined for nobody. */
  function casesFor(request: IncomingMessage): { account: string; cases: string[] } | undefined {
    const account = book.ownerOf(sessionOf(request))
    return account === undefined ? undefined : { account, cases: ['2026-117: open', '2026-118: closed'] }
  }

  async function answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<RawReply> {
    const { visit } = cookiesOf(request)
    switch (`${request.method} ${path}`) {
      case 'GET /login': {
        const entered = visits.enter(visit)
        return html(200, loginPage({ formToken: entered.visit.formToken, captcha }), visitCookie(entered.id))
      }
      case 'GET /captcha': {
        const entered = visits.enter(visit)
        const headers = { ...visitCookie(entered.id), 'content-type': 'image/svg+xml', 'cache-control': 'no-store' }
        return { headers, body: visits.challenge(entered.visit).svg }
      }
      case 'POST /login':
        return answerForm(request, response)
      case 'POST /api/login':
        return answerJson(request, response)
      case 'GET /cases': {
        const found = casesFor(request)
        return found ? html(200, casesPage(found.cases)) : { status: 302, headers: { location: '/login' } }
      }
      case 'GET /api/cases':
        return casesFor(request)
          ? { body: casesFor(request)! }
          : { status: 401, body: { error: 'no_session', message: 'Log in.' } }
      default:
        return { status: 404, body: '404 page not found' }
    }
  }

  const server = await listen(listenOptions)
  server.handle(
    frontDoor({
      counters: requests,
      faults,
      nameOf: (_method, path) => (NAMES.has(path) ? path : 'other'),
      handle: async (request, response, path) => sendReply(response, await answer(request, response, path)),
    }),
  )

  async function close(): Promise<void> {
    closing.abort()
    await server.close()
  }

  return {
    url: server.url,
    port: server.port,
    requests,
    faults,
    logins,
    get latencyMs() {
      return settings.latencyMs
    },
    set latencyMs(ms) {
      settings.latencyMs = ms
    },
    get captchaFailureRate() {
      return settings.captchaFailureRate
    },
    set captchaFailureRate(rate) {
      settings.captchaFailureRate = rate
    },
    get sessionLifeSeconds() {
      return book.sessionLifeSeconds
    },
    set sessionLifeSeconds(seconds) {
      book.sessionLifeSeconds = seconds
    },
    account: username => book.counters(username),
    accounts: () => book.all(),
    setPassword: (username, password) => void (book.get(username).password = password),
    unlock: username => book.unlock(username),
    endSession: username => void (book.get(username).session = undefined),
    reset() {
      requests.reset()
      logins.mostAtOnce = logins.running
      book.resetCounters()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const dialect = {
  retryAfterHeader: 'retry-after',
  unavailable: (): RawReply => html(503, 'The site is being repaired.'),
  tooMany: (headers: Record<string, string>): RawReply => html(429, 'Too many requests.', headers),
}

function visitCookie(id: string): Record<string, string> {
  return { 'set-cookie': `visit=${id}; Path=/; HttpOnly; SameSite=Lax` }
}

function cookiesOf({ headers }: IncomingMessage): Partial<Record<string, string>> {
  const pairs = (headers.cookie ?? '').split(';').map(pair => pair.trim().split('=') as [string, string?])
  return Object.fromEntries(pairs.map(([name, value]) => [name, value ?? '']))
}

/** A session comes as cookie, as bearer token or in the header that the JSON login answered with. */
function sessionOf(request: IncomingMessage): string | undefined {
  const { authorization, 'x-session-token': header } = request.headers
  const bearer = authorization?.match(/^Bearer (\S+)$/i)?.[1]
  return bearer ?? (typeof header === 'string' ? header : cookiesOf(request).session)
}
