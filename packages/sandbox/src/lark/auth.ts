import type { RawReply } from '../raw-reply.ts'
import type { AppDirectory, LarkApp } from './app-directory.ts'
import { larkCodes, larkError } from './codes.ts'
import type { TokenBook, TokenOwner } from './token-book.ts'

/** One call of an auth endpoint, without its secret and without its token. */
export interface LarkAuthCall {
  /** Milliseconds since 1970, on the simulator's clock. */
  at: number
  path: string
  appId: string | undefined
  tenant: string | undefined
  /** Lark's code; 0 is success. */
  code: number
  /** Whether a token was made for this call or an earlier one handed out again. */
  issued: 'new' | 'same' | undefined
  /** Seconds that the token still lived when it was handed out. */
  expireSeconds: number | undefined
}

export interface LarkAuthOptions {
  apps: AppDirectory
  tokens: TokenBook
  /** HTTP status of refusals. Lark answers these endpoints with 200 and tells the failure by its code alone. @default 200 */
  authErrorStatus?: 200 | 400
  /** Called on a resend, with a ticket that is valid from then on. In life it travels by event. */
  onAppTicket?: (appId: string, ticket: string) => void
}

export type AuthBody = Record<string, unknown> | undefined
/** The reply, and what the log may say about it. */
export type AuthAnswer = { reply: RawReply; call: Omit<LarkAuthCall, 'at' | 'path'> }
export type AuthEndpoint = (body: AuthBody) => AuthAnswer

const PATH = '/open-apis/auth/v3'

/** The five auth endpoints by path. See https://open.feishu.cn/document/server-docs/authentication-management/access-token/ */
export function larkAuth({
  apps,
  tokens,
  authErrorStatus = 200,
  onAppTicket,
}: LarkAuthOptions): Map<string, AuthEndpoint> {
  function refuse(code: number, msg: string, appId?: string, tenant?: string): AuthAnswer {
    const call = { appId, tenant, code, issued: undefined, expireSeconds: undefined }
    return { reply: larkError(authErrorStatus, code, msg), call }
  }

  function grant(owner: TokenOwner): AuthAnswer {
    const { value, expireSeconds, fresh } = tokens.issue(owner)
    const body = { code: 0, msg: 'ok', [`${owner.kind}_access_token`]: value, expire: expireSeconds }
    const { appId, tenant } = owner
    return { reply: { body }, call: { appId, tenant, code: 0, issued: fresh ? 'new' : 'same', expireSeconds } }
  }

  /** Runs `then` for an app that has shown its secret and may use endpoints for this type of app. */
  function withApp(
    type: LarkApp['type'],
    then: (app: LarkApp, body: Record<string, unknown>) => AuthAnswer,
  ): AuthEndpoint {
    return body => {
      const { app_id: appId, app_secret: secret } = body ?? {}
      if (!body || !isFilled(appId) || !isFilled(secret)) return refuse(larkCodes.invalidParam, 'invalid param')
      const app = apps.find(appId)
      if (!app) return refuse(larkCodes.secretInvalid, 'app id not exists')
      if (app.appSecret !== secret) return refuse(larkCodes.secretInvalid, 'app secret invalid', appId)
      if (!app.enabled) return refuse(larkCodes.appUnavailable, 'app is disabled', appId)
      if (app.type !== type) return refuse(larkCodes.invalidParam, `invalid param: not a ${type} app`, appId)
      return then(app, body)
    }
  }

  function marketplaceTenantToken(body: AuthBody): AuthAnswer {
    const { app_access_token: appToken, tenant_key: tenant } = body ?? {}
    if (!isFilled(appToken) || !isFilled(tenant)) return refuse(larkCodes.invalidParam, 'invalid param')
    const owner = tokens.find(appToken)
    if (owner?.kind !== 'app') return refuse(larkCodes.appTokenInvalid, 'app access token invalid')
    const app = apps.get(owner.appId)
    if (!app.enabled) return refuse(larkCodes.appUnavailable, 'app is disabled', app.appId)
    if (app.type !== 'marketplace' || !app.tenants.includes(tenant)) {
      return refuse(larkCodes.invalidParam, 'invalid param: tenant_key', app.appId)
    }
    return grant({ kind: 'tenant', appId: app.appId, tenant })
  }

  return new Map([
    [
      `${PATH}/tenant_access_token/internal`,
      withApp('self-built', app => grant({ kind: 'tenant', appId: app.appId, tenant: app.tenants[0] })),
    ],
    [
      `${PATH}/app_access_token/internal`,
      withApp('self-built', app => grant({ kind: 'app', appId: app.appId, tenant: app.tenants[0] })),
    ],
    [
      `${PATH}/app_access_token`,
      withApp('marketplace', (app, { app_ticket: ticket }) => {
        if (!isFilled(ticket)) return refuse(larkCodes.invalidParam, 'invalid param', app.appId)
        if (ticket !== app.ticket) return refuse(larkCodes.ticketInvalid, 'app ticket invalid', app.appId)
        return grant({ kind: 'app', appId: app.appId, tenant: undefined })
      }),
    ],
    [`${PATH}/tenant_access_token`, marketplaceTenantToken],
    [
      `${PATH}/app_ticket/resend`,
      withApp('marketplace', ({ appId }) => {
        onAppTicket?.(appId, apps.issueTicket(appId))
        const call = { appId, tenant: undefined, code: 0, issued: undefined, expireSeconds: undefined }
        return { reply: { body: { code: 0, msg: 'success' } }, call }
      }),
    ],
  ])
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
