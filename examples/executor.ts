// The executor alone: a report is fetched for each of 400 customers from an API that works on eight requests at once
// and turns some of them away. How much it can take is for the executor to find out.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createExecutor } from 'hotwell/concurrency'

let busy = 0
let requests = 0
const waiting: (() => void)[] = []
const api = createServer(async (request, response) => {
  if (++requests % 100 === 50) return void response.writeHead(503).end()
  if (busy >= 8) await new Promise<void>(resolve => waiting.push(resolve))
  busy++
  setTimeout(() => {
    busy--
    waiting.shift()?.()
    response.writeHead(request.url === '/customer-13' ? 404 : 200).end(`the report of ${request.url}`)
  }, 20)
}).listen(0, '127.0.0.1')
await once(api, 'listening')
const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`

/** An error that carries the HTTP status tells the executor whether the API is overloaded (503) or limits it (429). */
class ReplyError extends Error {
  readonly status: number
  constructor(status: number) {
    super(`The API answered ${status}.`)
    this.status = status
  }
}

await using executor = createExecutor({
  backoff: { baseMs: 100 },
  attemptTimeoutSeconds: 10,
  retryable: error => !(error instanceof ReplyError), // 404 stays 404; a lost connection is worth another try.
})

// Read as they are needed: there might be millions of them, in a file or a database.
function* customers() {
  for (let number = 1; number <= 400; number++) yield `customer-${number}`
}

let reports = 0
const results = executor.map(customers(), async (customer, { signal }) => {
  const reply = await fetch(`${url}/${customer}`, { signal })
  if (!reply.ok) throw new ReplyError(reply.status)
  return reply.text()
})
for await (const result of results) {
  if (result.status === 'fulfilled') reports++
  else console.log(`${result.item}: ${(result.reason as Error).message}`)
}

const { retries, outcomes, limit, latencyMs } = executor.statistics()
console.log(`${reports} reports; ${outcomes.overloaded} requests were turned away, ${retries} were sent again`)
console.log(`In the end up to ${limit} at once, each for ${latencyMs.p50.toFixed(0)} ms (median)`)
api.close()
api.closeAllConnections()
