import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HotwellConfig } from '@hotwell/server'
import { type Child, startHotwell } from './child.ts'
import { type Ending, mortal } from './scene.ts'

/** A server that runs in a process of its own, as `hotwell serve` starts it. */
export interface Served {
  readonly child: Child
  readonly url: string
  get(path: string, init?: RequestInit): Promise<Response>
  /** The token's value; throws with the whole reply if it is none. */
  token(ref: string): Promise<string>
}

/** Writes the configuration into the folder, starts the server there and waits until it listens. */
export async function serve(
  ending: Ending,
  folder: string,
  config: HotwellConfig,
  environment: NodeJS.ProcessEnv = {},
): Promise<Served> {
  const child = await startServe(ending, folder, config, environment)
  const [, url] = await child.wrote(/"url":"(http:[^"]+)"/)
  const get = (path: string, init?: RequestInit) => fetch(url + path, { redirect: 'manual', ...init })
  return {
    child,
    url: url!,
    get,
    async token(ref) {
      const response = await get(`/api/v1/tokens/${ref}`)
      const text = await response.text()
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`)
      return JSON.parse(text).token
    },
  }
}

/** The same without waiting, for servers that are not meant to start. */
export async function startServe(
  ending: Ending,
  folder: string,
  config: HotwellConfig,
  environment: NodeJS.ProcessEnv = {},
): Promise<Child> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'hotwell.config.json'), JSON.stringify({ port: 0, ...config }))
  return mortal(ending, startHotwell(['serve', '--no-watch'], { cwd: folder, env: environment }))
}

/** The options of a configuration for the token server. */
export function crm(tokenEndpoint: string, options: Record<string, unknown> = {}) {
  return {
    use: 'hotwell/providers/client-credentials',
    tokenEndpoint,
    clientId: 'crm',
    clientSecret: 'secret-of-the-crm-client',
    ...options,
  }
}
