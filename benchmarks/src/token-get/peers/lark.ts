import { startLarkSimulator } from '@hotwell/sandbox'
import { Client, LoggerLevel } from '@larksuiteoapi/node-sdk'
import type { Variant } from '../../harness/variant.ts'

/** Lark's own SDK with its own cache: a client per app, each warmed up at the simulator. */
export async function larkPeer(refs: readonly string[]): Promise<Variant> {
  const apps = refs.map((_, index) => ({
    appId: `cli_${index}`,
    appSecret: `secret-${index}`,
    tenants: [`tenant-${index}`],
  }))
  const lark = await startLarkSimulator({ apps })
  try {
    const targets: { getTenantAccessToken(): Promise<string> }[] = []
    for (const { appId, appSecret } of apps) {
      const client = new Client({ appId, appSecret, domain: lark.url, loggerLevel: LoggerLevel.error })
      await client.tokenManager.getTenantAccessToken()
      targets.push(client.tokenManager)
    }
    if (lark.requests.total !== refs.length)
      throw new Error(`Lark's SDK made ${lark.requests.total} requests to warm up.`)
    return { name: "Lark's node-sdk", targets, call: 'target.getTenantAccessToken()' }
  } finally {
    await lark.close()
  }
}
