import { checkAcquiredToken, finite } from '../acquired-token.ts'
import { type ProviderFailureOptions, providerFailure } from '../failure.ts'
import type { AcquiredToken, Provider, Quota, UpstreamReply } from '../provider.ts'
import {
  credentialVersionOf,
  misconfigured,
  refuseUnknownOptions,
  requirePositiveSeconds,
  requireQuota,
  requireRefParts,
  requireText,
  requireUrl,
} from '../provider-options.ts'
import type { Ref } from '../ref.ts'
import { callTokenEndpoint, failureByStatus, quoted, type TokenEndpointReply } from '../token-endpoint.ts'

/** A self-built app of Feishu or Lark, as its developer console shows it. */
export interface FeishuApp {
  /** `cli_…` */
  appId: string
  appSecret: string
}

interface FeishuSettings {
  /**
   * The API host: `https://open.feishu.cn` or `https://open.larksuite.com`.
   * @default 'https://open.feishu.cn'
   */
  baseUrl?: string
  /** Allows a `baseUrl` with plain http on another machine. The secret then travels readable. @default false */
  allowInsecure?: boolean
  /** @default globalThis.fetch */
  fetch?: typeof globalThis.fetch
  /** From sending to the reply's last byte, in seconds. @default 30 */
  timeoutSeconds?: number
  /** The limit on acquisitions. Default: learned from refusals. */
  quota?: Quota
}

/** One self-built app. It lives in one tenant, which may be called by any name, or by those in `tenants`. */
export interface FeishuAppOptions extends FeishuSettings, FeishuApp {
  /**
   * The subjects of kind `tenant`. A list: names for the tenant of this app, all others are refused. A record: each
   * tenant has its own self-built app. Default: every name is accepted.
   */
  tenants?: readonly string[] | Readonly<Record<string, FeishuApp>>
}

/** Self-built apps of several tenants, without one that stands for itself: there is no kind `app` then. */
export interface FeishuTenantOptions extends FeishuSettings {
  appId?: undefined
  appSecret?: undefined
  tenants: Readonly<Record<string, FeishuApp>>
}

const me = 'feishu'
const optionNames = ['appId', 'appSecret', 'tenants', 'baseUrl', 'allowInsecure', 'fetch', 'timeoutSeconds', 'quota']

/** Feishu returns the same token while this much of its life remains. */
const unchangedSeconds = 1800

const codes = {
  /** The token that was sent is invalid, expired or malformed: 99991668 and 99991677 for user tokens. */
  tokenRejected: [99991663, 99991664, 99991671, 99991668, 99991677],
  /** Wrong app id or secret, or the app is switched off or not installed. */
  credentialsRejected: [99991543, 10014, 20002, 20048, 20009, 20069, 99991662, 99991673],
  scopeMissing: [99991672, 99991676, 99991679],
  rateLimited: [99991400],
  /** Our request is wrong; 10012 asks for an app ticket, so the app is a marketplace app. */
  requestWrong: [10003, 10012, 9499],
}

/**
 * Feishu and Lark, self-built apps: the kinds `app` (app_access_token) and `tenant` (tenant_access_token).
 * Tokens live up to 7,200 s; one with 1,800 s left or more is returned again unchanged, a younger one is valid beside
 * its successor. Failures are told by a code in the body, with HTTP 200 as well as 400.
 * @see https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function feishu(options: FeishuAppOptions | FeishuTenantOptions): Provider<'app' | 'tenant'> {
  refuseUnknownOptions(me, options, optionNames)
  const { baseUrl = 'https://open.feishu.cn', allowInsecure, timeoutSeconds = 30, quota } = options
  const { fetch = globalThis.fetch } = options
  requirePositiveSeconds(me, 'timeoutSeconds', timeoutSeconds)
  const base = requireUrl(me, 'baseUrl', baseUrl, allowInsecure)
  const prefix = base.origin + base.pathname.replace(/\/+$/, '')
  const { appOf, ownApps, secrets, kinds } = appsOf(options)

  return {
    identity: ref => `feishu|${prefix.slice(base.protocol.length + 2)}|${appOf(ref)?.appId ?? ''}`,
    kinds,
    knows: ref => appOf(ref) !== undefined,
    async acquire({ ref, signal, clock }) {
      signal.throwIfAborted()
      const app = appOf(ref)
      if (!app) {
        throw providerFailure({ code: 'unknown_subject', message: `No app is configured for ${ref.canonical}.` })
      }
      const reply = await callTokenEndpoint({
        url: `${prefix}/open-apis/auth/v3/${ref.kind}_access_token/internal`,
        init: {
          method: 'POST',
          headers: { 'content-type': 'application/json; charset=utf-8', accept: 'application/json' },
          body: JSON.stringify({ app_id: app.appId, app_secret: app.appSecret }),
        },
        fetch,
        signal,
        clock,
        timeoutSeconds,
        secrets,
      })
      // With an app per tenant, trouble with one app says nothing of the others.
      return readToken(reply, ref, app, ownApps && ref.kind === 'tenant' ? 'ref' : 'provider', secrets)
    },
    rejects,
    baseUrls: [`${prefix}/`],
    notBeforeSeconds: unchangedSeconds,
    quota: requireQuota(me, quota),
    credentialVersion: credentialVersionOf(...secrets),
  }
}

function readToken(
  reply: TokenEndpointReply,
  ref: Ref,
  app: FeishuApp,
  scope: 'ref' | 'provider',
  secrets: readonly string[],
): AcquiredToken {
  const { from, json, status, serverDate, retryAfterMs } = reply
  const code = codeIn(json)
  if (code === 0 && status < 300) {
    const { [`${ref.kind}_access_token`]: value, expire } = json as Record<string, unknown>
    return checkAcquiredToken({ value, expiresInSeconds: secondsIn(expire), serverDate }, from)
  }
  if (code === undefined) throw failureByStatus(reply)
  const msg = quoted((json as { msg?: unknown }).msg, secrets)
  const said = `code ${code}${msg && `, "${msg}"`}`
  const fail = (failure: ProviderFailureOptions) =>
    providerFailure({ details: { httpStatus: status, providerCode: code }, ...failure })
  if (status === 429 || codes.rateLimited.includes(code)) {
    const message = `${from} limits the rate of requests (${said}).`
    throw fail({ code: 'rate_limited', scope, retryAfterMs, message })
  }
  if (codes.credentialsRejected.includes(code)) {
    const message = `${from} refused the app ${app.appId} (${said}). Check its appId and appSecret, and that it is enabled and installed.`
    throw fail({ code: 'credentials_rejected', scope, message })
  }
  if (codes.scopeMissing.includes(code)) {
    const message = `The app ${app.appId} lacks a scope (${said}). Grant it in the developer console; a new token changes nothing.`
    throw fail({ disposition: 'terminal', message })
  }
  if (codes.requestWrong.includes(code)) {
    const message = `${from} did not accept the request for the app ${app.appId} (${said}). Is it a self-built app?`
    throw fail({ disposition: 'terminal', message })
  }
  if (status >= 300) throw failureByStatus(reply, ` (${said})`)
  throw fail({ message: `${from} failed (${said}).`, retryAfterMs })
}

function rejects({ status, body }: UpstreamReply): boolean {
  const code = codeIn(body)
  return code === undefined ? status === 401 : codes.tokenRejected.includes(code)
}

function codeIn(body: unknown): number | undefined {
  if (body === null || typeof body !== 'object' || !('code' in body)) return undefined
  const { code } = body
  if (typeof code === 'number') return code
  return typeof code === 'string' && /^\d{1,15}$/.test(code) ? Number(code) : undefined
}

function secondsIn(expire: unknown): unknown {
  return typeof expire === 'string' && /^\d{1,15}$/.test(expire) ? Number(expire) : finite(expire)
}

interface Apps {
  appOf: (ref: Ref) => FeishuApp | undefined
  /** True where each tenant has its own app. */
  ownApps: boolean
  secrets: readonly string[]
  kinds: readonly ('app' | 'tenant')[]
}

function appsOf({ appId, appSecret, tenants }: FeishuAppOptions | FeishuTenantOptions): Apps {
  const ownApps = tenants !== undefined && !Array.isArray(tenants)
  const main = appId === undefined && appSecret === undefined && ownApps ? undefined : checkApp({ appId, appSecret })
  const names = new Set<string>(Array.isArray(tenants) ? tenants : Object.keys(tenants ?? {}))
  for (const name of names) requireRefParts(me, 'tenant', name)
  const byTenant = new Map<string, FeishuApp>()
  if (ownApps) {
    for (const [name, app] of Object.entries(tenants as Record<string, FeishuApp>)) {
      byTenant.set(name, checkApp(app, `tenants["${name}"].`))
    }
    if (!main && byTenant.size === 0) throw misconfigured(me, 'give appId and appSecret, or tenants with their own.')
  }
  const tenantApp = (subject: string) => {
    if (ownApps) return byTenant.get(subject)
    return tenants === undefined || names.has(subject) ? main : undefined
  }
  return {
    appOf: ({ kind, subject }) => (kind === 'tenant' && subject !== undefined ? tenantApp(subject) : main),
    ownApps,
    secrets: [main, ...byTenant.values()].flatMap(app => (app ? [app.appSecret] : [])),
    kinds: main ? ['app', 'tenant'] : ['tenant'],
  }
}

function checkApp(app: { appId?: unknown; appSecret?: unknown }, where = ''): FeishuApp {
  const appId = requireText(me, `${where}appId`, app?.appId)
  return { appId, appSecret: requireText(me, `${where}appSecret`, app?.appSecret) }
}
