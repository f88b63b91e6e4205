import { randomBytes } from 'node:crypto'
import { startLarkSimulator, startOpenIdProvider } from '@hotwell/sandbox'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import type { HotwellConfig } from '../config/config-schema.ts'
import { type DemoCourt, startDemoCourt } from './demo-court.ts'

/** Short enough that a watcher sees renewals within a minute. */
const larkLifeSeconds = 56
const openIdLifeSeconds = 44
/** Roughly what such a request takes over the internet. */
const latencyMs = 120

export interface DemoWorld {
  providers: NonNullable<HotwellConfig['providers']>
  manifest: string[]
  court: Pick<DemoCourt, 'site' | 'accounts'>
  close(): Promise<void>
}

/** What the demo logs in to: a Lark simulator with an app for each tenant, a real OpenID provider, a site with accounts. */
export async function startDemoWorld(): Promise<DemoWorld> {
  const names = ['hotwell', 'acme', 'globex', 'initech'] as const
  const [own, ...tenants] = names.map(tenant => ({ appId: `cli_${tenant}`, appSecret: secret(), tenants: [tenant] }))
  const client = { clientId: 'crm-import', clientSecret: secret() }
  // Whatever was started is closed again when the next one does not start.
  await using started = new AsyncDisposableStack()
  const lark = started.use(
    await startLarkSimulator({
      apps: [own!, ...tenants],
      tokenLifeSeconds: larkLifeSeconds,
      // As the real one: a new token for whoever asks once less than half an hour is left, which here is always.
      reuseWindowSeconds: 1800,
      latencyMs,
    }),
  )
  const openId = started.use(
    await startOpenIdProvider({ clients: [client], accessTokenLifeSeconds: openIdLifeSeconds, latencyMs }),
  )
  const court = started.adopt(await startDemoCourt(), ({ close }) => close())
  const { appId, appSecret } = own!
  const running = started.move()
  return {
    providers: {
      // As a file would have it, because a sync takes it to another thread.
      feishu: {
        use: 'hotwell/providers/feishu',
        baseUrl: lark.url,
        appId,
        appSecret,
        tenants: Object.fromEntries(
          tenants.map(app => [app.tenants[0], { appId: app.appId, appSecret: app.appSecret }]),
        ),
      },
      crm: clientCredentials({ issuer: openId.issuer, ...client }),
      [court.site]: court.provider,
    },
    manifest: [
      'feishu/app',
      ...names.slice(1).map(tenant => `feishu/tenant/${tenant}`),
      'crm/client',
      ...court.manifest,
    ],
    court,
    close: () => running.disposeAsync(),
  }
}

function secret(): string {
  return randomBytes(24).toString('base64url')
}
