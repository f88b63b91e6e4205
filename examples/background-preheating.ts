// Background preheating with a configuration of one's own, and a graceful stop on Ctrl+C.
// Tokens live 12 s here, so that renewals can be watched; run it longer with a number of seconds as argument.
import { startLarkSimulator } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { feishu } from 'hotwell/providers/feishu'

const seconds = Number(process.argv[2] ?? 30)
const tenants = {
  acme: { appId: 'cli_acme', appSecret: 'acme-secret' },
  globex: { appId: 'cli_globex', appSecret: 'globex-secret' },
}
const apps = Object.entries(tenants).map(([tenant, app]) => ({ ...app, tenants: [tenant] }))
await using lark = await startLarkSimulator({ apps, tokenLifeSeconds: 12 })

const tokens = createTokenManager({
  providers: { feishu: feishu({ tenants, baseUrl: lark.url }) },
  manifest: ['feishu/tenant/acme', 'feishu/tenant/globex'],
  preheat: false,
})
tokens.preheater.start({ checkIntervalSeconds: 600, thresholdSeconds: 3, tenantTokens: true, maxConcurrent: 2 })
tokens.on('acquisition.finished', ({ ref, trigger, totalMs, unchanged }) => {
  console.log(`${ref}  ${unchanged ? 'not yet' : trigger}  ${totalMs.toFixed(0)} ms`)
})

let blocked = 0
const watch = setInterval(() => {
  for (const tenant of ['acme', 'globex'] as const) if (!tokens.token(`feishu/tenant/${tenant}`).peek()) blocked++
}, 20)

const { ready, warm } = await tokens.ready()
console.log(`Ready: ${ready}; warm: ${warm.join(', ')}`)
blocked = 0
const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<void>()
process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
await Promise.race([interrupted, new Promise(resolve => setTimeout(resolve, seconds * 1000))])

clearInterval(watch)
const { renewed, unchanged, failed } = tokens.preheater.status()
tokens.preheater.stop()
await tokens.close()
console.log(`${renewed} renewed, ${unchanged} not yet, ${failed} failed; ${blocked} callers had to wait`)
