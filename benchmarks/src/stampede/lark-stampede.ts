import { startLarkSimulator } from '@hotwell/sandbox'
import { Client, LoggerLevel } from '@larksuiteoapi/node-sdk'
import { fetchTimeMs, timeOfAll } from './slow-source.ts'

/** What Lark's own SDK makes of so many callers and no token. */
export async function larkStampede(callers: number): Promise<{ tookMs: number; fetches: number }> {
  const app = { appId: 'cli_stampede', appSecret: 'secret', tenants: ['acme'] }
  const lark = await startLarkSimulator({ apps: [app], latencyMs: fetchTimeMs })
  try {
    const client = new Client({ ...app, domain: lark.url, loggerLevel: LoggerLevel.error })
    const tookMs = await timeOfAll(callers, () => client.tokenManager.getTenantAccessToken())
    return { tookMs, fetches: lark.requests.total }
  } finally {
    await lark.close()
  }
}
