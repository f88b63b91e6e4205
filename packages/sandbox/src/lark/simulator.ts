import type { IncomingMessage, ServerResponse } from 'node:http'
import { type FaultSettings, Faults } from '../faults.ts'
import { frontDoor } from '../front-door.ts'
import { type ListenOptions, listen } from '../http-server.ts'
import { readJsonBody } from '../json-body.ts'
import { type RawReply, sendReply } from '../raw-reply.ts'
import { RequestCounters } from '../request-counters.ts'
import { seededRandom } from '../seeded-random.ts'
import { AppDirectory, type LarkAppOptions } from './app-directory.ts'
import { type LarkAuthCall, type LarkAuthOptions, larkAuth } from './auth.ts'
import { larkCodes, larkError, larkFaultDialect } from './codes.ts'
import { contactsRoute } from './contacts.ts'
import { generatePeople, type LarkPeople, type LarkPeopleOptions } from './people.ts'
import { TokenBook, type TokenBookOptions } from './token-book.ts'
import { tokenGate } from './token-gate.ts'

export interface LarkSimulatorOptions
  extends ListenOptions,
    TokenBookOptions,
    Pick<LarkAuthOptions, 'authErrorStatus' | 'onAppTicket'>,
    Pick<FaultSettings, 'latencyMs' | 'failureRate' | 'rate429'> {
  /** At least one. */
  apps: readonly LarkAppOptions[]
  /** How many departments and people each tenant has. */
  people?: LarkPeopleOptions
  /** HTTP status of a refusal as too many; Lark uses both. @default 429 */
  rateLimitStatus?: 400 | 429
  /** HTTP status that goes with a rejected token. @default 400 */
  rejectionStatus?: 200 | 400 | 401
  /** Decides which requests fail and who works where. @default 1 */
  seed?: number
}

export interface LarkSimulator extends AsyncDisposable {
  /** `http://127.0.0.1:port`: give it to Lark's SDK as `domain`. */
  readonly url: string
  readonly port: number
  readonly requests: RequestCounters
  readonly faults: Faults
  /** The last 1,000 calls of auth endpoints that reached them, oldest first; no secrets, no tokens. */
  readonly authCalls: readonly LarkAuthCall[]
  /** Life of tokens issued from now on, in seconds. */
  tokenLifeSeconds: number
  /** The tenant's whole address book, to compare with what came over the wire. */
  people(tenant: string): LarkPeople
  /** A ticket that is valid from now on, for a marketplace app. */
  issueTicket(appId: string): string
  /** The APIs reject this token from now on; with `keepIssuing` the token endpoints still hand it out. False: it is no live one of ours. */
  revoke(token: string, options?: { keepIssuing?: boolean }): boolean
  /** Neither its secret nor its tokens are good for anything while an app is disabled. */
  disableApp(appId: string): void
  enableApp(appId: string): void
  /** Tokens that were issued for the former secret stay good. */
  setSecret(appId: string, appSecret: string): void
  /** Counters and log back to the start; tokens, apps and faults stay. */
  reset(): void
  close(): Promise<void>
}

const AUTH_CALLS_KEPT = 1000

/**
 * A Lark/Feishu that runs on this machine: the five auth endpoints with the 30-minute rule, and a paged slice of
 * contacts that accepts nothing but its own live tokens.
 */
export async function startLarkSimulator({
  apps: appOptions,
  people: peopleOptions,
  rateLimitStatus = 429,
  rejectionStatus = 400,
  seed = 1,
  now = Date.now,
  latencyMs = 0,
  failureRate = 0,
  rate429 = 0,
  authErrorStatus,
  onAppTicket,
  tokenLifeSeconds,
  reuseWindowSeconds,
  ...listenOptions
}: LarkSimulatorOptions): Promise<LarkSimulator> {
  const apps = new AppDirectory(appOptions)
  const tokens = new TokenBook({ tokenLifeSeconds, reuseWindowSeconds, now })
  const requests = new RequestCounters()
  const faults = new Faults(larkFaultDialect(rateLimitStatus), seededRandom(seed), now)
  faults.set({ latencyMs, failureRate, rate429 })
  const auth = larkAuth({ apps, tokens, authErrorStatus, onAppTicket })
  const admit = tokenGate({ apps, tokens, rejectionStatus })
  const authCalls: LarkAuthCall[] = []
  const peopleByTenant = new Map<string, LarkPeople>()

  function people(tenant: string): LarkPeople {
    if (!apps.hasTenant(tenant)) throw new RangeError(`No app lives in the tenant ${tenant}`)
    let found = peopleByTenant.get(tenant)
    if (!found) peopleByTenant.set(tenant, (found = generatePeople(seed, tenant, peopleOptions)))
    return found
  }

  async function answerAuth(path: string, request: IncomingMessage): Promise<RawReply> {
    const body = await readJsonBody(request)
    if (body === 'too large') {
      return { ...larkError(413, larkCodes.badRequest, 'request body too large'), headers: { connection: 'close' } }
    }
    const { reply, call } = auth.get(path)!(body)
    requests.countApp(call.appId ?? 'unknown')
    authCalls.push({ at: now(), path, ...call })
    if (authCalls.length > AUTH_CALLS_KEPT) authCalls.shift()
    return reply
  }

  async function answer(request: IncomingMessage, path: string): Promise<RawReply> {
    if (request.method === 'POST' && auth.has(path)) return answerAuth(path, request)
    const contacts = request.method === 'GET' ? contactsRoute(path) : null
    if (!contacts) return { status: 404, body: '404 page not found' }
    const admission = admit(request.headers.authorization)
    if ('refusal' in admission) return admission.refusal
    return contacts.answer(people(admission.tenant), new URL(request.url!, 'http://lark').searchParams)
  }

  const server = await listen(listenOptions)
  server.handle(
    frontDoor({
      counters: requests,
      faults,
      nameOf: (method, path) =>
        method === 'POST' && auth.has(path) ? path : (contactsRoute(path)?.template ?? 'other'),
      handle: async (request: IncomingMessage, response: ServerResponse, path: string) =>
        sendReply(response, await answer(request, path)),
    }),
  )

  return {
    url: server.url,
    port: server.port,
    requests,
    faults,
    authCalls,
    get tokenLifeSeconds() {
      return tokens.lifeSeconds
    },
    set tokenLifeSeconds(seconds) {
      tokens.lifeSeconds = seconds
    },
    people,
    issueTicket: appId => apps.issueTicket(appId),
    revoke: (token, options) => tokens.revoke(token, options),
    disableApp: appId => void (apps.get(appId).enabled = false),
    enableApp: appId => void (apps.get(appId).enabled = true),
    setSecret: (appId, appSecret) => void (apps.get(appId).appSecret = appSecret),
    reset() {
      requests.reset()
      authCalls.length = 0
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
