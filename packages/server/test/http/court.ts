import { type LoginSite, type LoginSiteOptions, startLoginSite } from '@hotwell/sandbox'
import type { HotwellConfig, ServerOptions } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { siteLogin } from 'hotwell/providers/site-login'
import { onTestFinished } from 'vitest'
import { ask, type Reply, start, temporaryFolder } from '../start.ts'

export const password = 'a-password-that-nobody-may-see'
const names = ['zhang', 'li', 'wang']

export interface CourtOptions {
  config?: HotwellConfig
  /** The site, or what is particular to it. */
  site?: LoginSite | Partial<LoginSiteOptions>
  server?: ServerOptions
  /** Which of zhang, li and wang the server is told another password of than the site has. */
  wrong?: readonly string[]
  headers?: Record<string, string>
}

export interface Court {
  site: LoginSite
  server: Awaited<ReturnType<typeof start>>
  dataDir: string
  /** Under `/api/v1/performance/`, unless the path begins with a slash. */
  call(route: string, options?: { body?: string; headers?: Record<string, string> }): Promise<Reply>
  /** The status of asking for this token over HTTP. */
  token(ref: string): Promise<number>
  /** Until what was acquired is in the history. */
  flush(): Promise<void>
}

/**
 * A site behind a login that counts by itself what is done to it, with three accounts (`court`), another provider
 * (`crm`), and a server with a history that has both.
 */
export async function startCourt({
  config,
  site: siteOptions = {},
  wrong = [],
  server: options,
  headers,
}: CourtOptions = {}): Promise<Court> {
  const site = 'url' in siteOptions ? siteOptions : await startSite(siteOptions, wrong)
  let made = 0
  const crm = custom({
    kinds: ['client'],
    acquire: async () => ({ value: `crm-token-${made++}`, expiresInSeconds: 3600 }),
  })
  const court = siteLogin({
    baseUrl: site.url,
    loginPath: '/api/login',
    form: 'json',
    token: { from: 'body', path: 'token', expiresInPath: 'expiresIn' },
  })
  const dataDir = config?.dataDir ?? (await temporaryFolder())
  const server = await start({ providers: { court, crm }, history: {}, preheat: false, ...config, dataDir }, options)
  const call: Court['call'] = (route, given = {}) => {
    const [method, path] = route.split(' ') as [string, string]
    const type: Record<string, string> = given.body === undefined ? {} : { 'content-type': 'application/json' }
    return ask(server.url, path.startsWith('/') ? path : `/api/v1/performance/${path}`, {
      method,
      body: given.body,
      headers: { ...type, ...headers, ...given.headers },
    })
  }
  for (const account of names) {
    await call('POST /api/v1/accounts', { body: JSON.stringify({ site: 'court', account, password }) })
  }
  const token = async (ref: string) => (await call(`GET /api/v1/tokens/${ref}`)).status
  const flush = async () => server.history?.flush()
  return { site, server, dataDir, call, token, flush }
}

async function startSite(options: Partial<LoginSiteOptions>, wrong: readonly string[]): Promise<LoginSite> {
  const accounts = names.map(username => ({ username, password: wrong.includes(username) ? 'another' : password }))
  const site = await startLoginSite({ accounts, sessionLifeSeconds: 900, ...options })
  onTestFinished(() => site.close())
  return site
}
