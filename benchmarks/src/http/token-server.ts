import { createServer, type HotwellServer } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { answerParent } from '../harness/child.ts'

/** The real server as it is run in production: keys, history, metrics, SQLite, logs at level info. */
let server: HotwellServer | undefined

async function listen({ dataDir, apiKey, ref }: { dataDir: string; apiKey: string; ref: string }): Promise<number> {
  server = await createServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      dataDir,
      providers: {
        bench: custom({ kinds: ['tenant'], acquire: () => ({ value: `t-${'x'.repeat(40)}`, expiresInSeconds: 7200 }) }),
      },
      manifest: [ref],
      keys: [{ name: 'benchmark', key: apiKey, refs: ['bench/tenant/*'], actions: ['read'] }],
    },
  })
  await server.tokens.ready()
  return Number(new URL(server.url).port)
}

answerParent({ listen, cpu: () => process.cpuUsage() }, () => server?.close())
