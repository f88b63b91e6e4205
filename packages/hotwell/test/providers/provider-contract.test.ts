import { test } from 'vitest'
import { providerContract } from '../../src/testing/provider-contract.ts'
import { providerFailure } from '../../src/tokens/failure.ts'
import { clientCredentials } from '../../src/tokens/providers/client-credentials.ts'
import { custom } from '../../src/tokens/providers/custom.ts'
import { feishu } from '../../src/tokens/providers/feishu.ts'
import { staticToken } from '../../src/tokens/providers/static.ts'
import { json } from './local-upstream.ts'
import { feishuReply, oauthReply, startTokenUpstream } from './token-upstream.ts'

const appSecret = 'feishu-app-secret/0123+456789=='
const clientSecret = 'client secret: "quoted" & 50 %'

for (const kind of ['app', 'tenant'] as const) {
  providerContract(test, `feishu ${kind}`, {
    make: async () => {
      const { server, control } = await startTokenUpstream(feishuReply(kind))
      return {
        provider: feishu({ appId: 'cli_a1', appSecret, tenants: ['acme'], baseUrl: server.url }),
        ref: kind === 'app' ? 'feishu/app' : 'feishu/tenant/acme',
        secrets: [appSecret],
        unknownRef: 'feishu/tenant/globex',
        rejection: { status: 400, body: { code: 99991663, msg: 'invalid access token' } },
        acceptance: { status: 200, body: { code: 0, msg: 'ok', data: {} } },
        upstream: control,
        close: () => server.close(),
      }
    },
  })
}

for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
  providerContract(test, `clientCredentials with ${authMethod}`, {
    make: async () => {
      const { server, control } = await startTokenUpstream(oauthReply)
      const tokenEndpoint = `${server.url}/token`
      return {
        provider: clientCredentials({ tokenEndpoint, clientId: 'crm', clientSecret, authMethod, audiences: ['api'] }),
        ref: 'crm/client',
        secrets: [clientSecret],
        unknownRef: 'crm/client?audience=other',
        upstream: control,
        close: () => server.close(),
      }
    },
  })
}

providerContract(test, 'clientCredentials with discovery', {
  make: async () => {
    let issuer = ''
    const { server, control } = await startTokenUpstream(oauthReply, path =>
      path.startsWith('/.well-known/') ? json({ issuer, token_endpoint: `${issuer}/token` }) : undefined,
    )
    issuer = server.url
    return {
      provider: clientCredentials({ issuer, clientId: 'crm', clientSecret }),
      ref: 'crm/client',
      secrets: [clientSecret],
      upstream: control,
      close: () => server.close(),
    }
  },
})

providerContract(test, 'a site of one\u2019s own', {
  make: async () => {
    const password = 'password-of-this-test'
    const { server, control } = await startTokenUpstream((session, seconds) => json({ session, seconds }))
    const provider = custom({
      kinds: ['account'],
      identity: `site|${server.url}`,
      async acquire({ signal }) {
        const reply = await fetch(`${server.url}/login`, { method: 'POST', body: password, redirect: 'manual', signal })
        const retryAfter = Number(reply.headers.get('retry-after') ?? Number.NaN)
        const text = await reply.text().catch(cause => {
          if (signal.aborted) throw signal.reason
          throw providerFailure({ message: 'The site broke the connection.', status: 'network_error', cause })
        })
        if (reply.status === 429) {
          const retryAfterMs = Number.isNaN(retryAfter) ? dateOf(reply) : Math.min(retryAfter * 1000, 3_600_000)
          throw providerFailure({ code: 'rate_limited', message: 'The site wants to be left alone.', retryAfterMs })
        }
        const { session, seconds } = reply.ok ? objectOf(text) : {}
        if (!session || seconds === Infinity) {
          throw providerFailure({ message: `The site answered HTTP ${reply.status} without a session.` })
        }
        return { value: session as string, expiresInSeconds: seconds as number }
      },
      attach(request, token) {
        const headers = new Headers(request.headers)
        headers.set('cookie', `session=${token}`)
        return new Request(request, { headers })
      },
      rejects: ({ status, headers }) => status === 302 && headers.get('location') === '/login',
    })
    return {
      provider,
      ref: 'site/account/zhang',
      secrets: [password],
      rejection: { status: 302, headers: { location: '/login' } },
      findToken: request => request.headers.get('cookie')?.replace('session=', '') ?? null,
      upstream: control,
      close: () => server.close(),
    }
  },
})

providerContract(test, 'staticToken', {
  upstream: false,
  make: async () => ({
    provider: staticToken({ tokens: { 'tenant/acme': 'configured-token-1', app: 'configured-token-2' } }),
    ref: 'fixed/tenant/acme',
    secrets: ['configured-token-1', 'configured-token-2'],
    unknownRef: 'fixed/tenant/globex',
  }),
})

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? { ...value } : {}
  } catch {
    return {}
  }
}

function dateOf(reply: Response): number | undefined {
  const at = Date.parse(reply.headers.get('retry-after') ?? '')
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
