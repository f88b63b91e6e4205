import { randomBytes } from 'node:crypto'
import { startLarkSimulator, startOpenIdProvider } from '@hotwell/sandbox'
import type { Provider } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'

/** Short enough that a watcher sees renewals within a minute. */
const larkLifeSeconds = 56
const openIdLifeSeconds = 44
/** Roughly what such a request takes over the internet. */
const latencyMs = 120

export interface DemoWorld {
  providers: Record<string, Provider>
  manifest: string[]
  close(): Promise<void>
}

/** What the demo logs in to: a Lark simulator with an app for each tenant, and a real OpenID provider. */
export async function startDemoWorld(): Promise<DemoWorld> {
  const names = ['hotwell', 'acme', 'globex', 'initech'] as const
  const [own, ...tenants] = names.map(tenant => ({ appId: `cli_${tenant}`, appSecret: secret(), tenants: [tenant] }))
  const client = { clientId: 'crm-import', clientSecret: secret() }
  const lark = await startLarkSimulator({
    apps: [own!, ...tenants],
    tokenLifeSeconds: larkLifeSeconds,
    // As the real one: a new token for whoever asks once less than half an hour is left, which here is always.
    reuseWindowSeconds: 1800,
    latencyMs,
  })
  const openId = await startOpenIdProvider({
    clients: [client],
    accessTokenLifeSeconds: openIdLifeSeconds,
    latencyMs,
  }).catch(async error => {
    await lark.close()
    throw error
  })
  const { appId, appSecret } = own!
  return {
    providers: {
      feishu: feishu({
        baseUrl: lark.url,
        appId,
        appSecret,
        tenants: Object.fromEntries(
          tenants.map(app => [app.tenants[0], { appId: app.appId, appSecret: app.appSecret }]),
        ),
      }),
      crm: clientCredentials({ issuer: openId.issuer, ...client }),
    },
    manifest: ['feishu/app', ...names.slice(1).map(tenant => `feishu/tenant/${tenant}`), 'crm/client'],
    close: async () => void (await Promise.all([lark.close(), openId.close()])),
  }
}

function secret(): string {
  return randomBytes(24).toString('base64url')
}
