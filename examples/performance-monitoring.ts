// Watching how well tokens are served: 10 tasks at once, then 100, and a report every 30 seconds.
// Run with another interval and length, in seconds:  node … performance-monitoring.ts 5 20
import { startLarkSimulator } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { feishu } from 'hotwell/providers/feishu'

const [everySeconds = 30, lastingSeconds = 65] = process.argv.slice(2).map(Number)
const app = { appId: 'cli_example', appSecret: 'example-secret' }
await using lark = await startLarkSimulator({ apps: [{ ...app, tenants: ['acme'] }], latencyMs: 20 })
await using tokens = createTokenManager({
  providers: { feishu: feishu({ ...app, baseUrl: lark.url }) },
  // The report is logged as info, a warning for each figure that is worse than it should be.
  logger: {
    ...console,
    info: (_, message) => console.log(message),
    warn: (_, message) => console.warn(`! ${message}`),
  },
})

async function task(number: number): Promise<void> {
  const kind = number % 3 === 0 ? ('feishu/app' as const) : (`feishu/tenant/tenant-${number % 5}` as const)
  for (let call = 0; call < 50; call++) await tokens.token(kind).get()
}

async function tasks(count: number): Promise<void> {
  const began = performance.now()
  await Promise.all(Array.from({ length: count }, (_, number) => task(number)))
  const ms = performance.now() - began
  console.log(
    `${count} tasks, ${count * 50} tokens in ${ms.toFixed(1)} ms, ${lark.requests.total} requests upstream so far`,
  )
}

await tasks(10)
await tasks(100)
const report = setInterval(() => tokens.logPerformanceMetrics(), everySeconds * 1000)
const work = setInterval(() => void task(1), 200)
await new Promise(resolve => setTimeout(resolve, lastingSeconds * 1000))
clearInterval(report)
clearInterval(work)
console.log(tokens.metrics.performanceReport())
