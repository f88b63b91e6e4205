import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LarkSimulator, type OpenIdProvider, startLarkSimulator, startOpenIdProvider } from '@hotwell/sandbox'
import { createServer, type HotwellConfig, type HotwellServer, type ServerOptions } from '@hotwell/server'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'
import { memory } from 'hotwell/stores/memory'
import { onTestFinished } from 'vitest'

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hotwell-server-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export const appSecret = 'a-secret-of-the-app-that-nobody-may-see'
export const clientSecret = 'a-secret-of-the-client-that-nobody-may-see'

export interface World {
  lark: LarkSimulator
  openId: OpenIdProvider
  providers: NonNullable<HotwellConfig['providers']>
}

/** A Lark simulator and an OpenID provider, with the providers that log in to them. */
export async function startWorld(): Promise<World> {
  const tenants = ['acme', 'refresh', 'a/b', '北京']
  const lark = await startLarkSimulator({
    apps: [
      { appId: 'cli_own', appSecret, tenants: ['own'] },
      ...tenants.map((tenant, index) => ({ appId: `cli_${index}`, appSecret, tenants: [tenant] })),
    ],
  })
  onTestFinished(() => lark.close())
  const client = { clientId: 'crm', clientSecret, scopes: ['read', 'write'] }
  const openId = await startOpenIdProvider({ clients: [client] })
  onTestFinished(() => openId.close())
  const apps = Object.fromEntries(tenants.map((tenant, index) => [tenant, { appId: `cli_${index}`, appSecret }]))
  return {
    lark,
    openId,
    providers: {
      feishu: feishu({ baseUrl: lark.url, appId: 'cli_own', appSecret, tenants: apps }),
      crm: clientCredentials({ issuer: openId.issuer, clientId: 'crm', clientSecret, scopes: ['read', 'write'] }),
    },
  }
}

/** A server on a free port, without history and SQLite unless asked for, with its data in a folder that is gone after the test, closed with the test. */
export async function start(config: HotwellConfig, options: ServerOptions = {}): Promise<HotwellServer> {
  const dataDir = config.dataDir ?? (await temporaryFolder())
  const server = await createServer({
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    environment: {},
    ...options,
    config: { port: 0, history: false, store: memory(), ...config, dataDir },
  })
  onTestFinished(() => server.close())
  return server
}

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, a test looks at it
  json: any
}

/** One request as it is: no header, path or method is made better on the way, as `fetch` would. */
export function ask(
  base: string,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Reply> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: hostname, port, path, method, headers, agent: false }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      const json = /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined
      resolve({ status: response.statusCode!, headers: response.headers, text, json })
    })
    request.on('error', reject)
    request.end(body)
  })
}
