import { setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from 'hotwell/core'
import { answerParent } from '../harness/child.ts'
import { getRequest, HttpConnection } from '../harness/http-connection.ts'

export interface Calls {
  readonly port: number
  readonly refs: readonly string[]
  readonly apiKey: string
  readonly connections: number
  /** Each connection pauses so long after a reply, on average. */
  readonly pauseMs: number
  readonly seconds: number
}

export interface CallFigures {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

let endsAt = 0

/** Callers that ask now and then, each for another token, and note how long each answer took. */
async function call({ port, refs, apiKey, connections, pauseMs, seconds }: Calls): Promise<CallFigures> {
  const tookMs = new Histogram({ lowest: 0.001 })
  const requests = refs.map(ref => getRequest(`/api/v1/tokens/${ref}`, { authorization: `Bearer ${apiKey}` }))
  endsAt = performance.now() + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await HttpConnection.open(port)
      while (performance.now() < endsAt) {
        const request = requests[Math.floor(Math.random() * requests.length)]!
        const startedAt = performance.now()
        await connection.send(request)
        tookMs.record(performance.now() - startedAt)
        await sleep(2 * pauseMs * Math.random())
      }
      connection.close()
    }),
  )
  return {
    requests: tookMs.count,
    p50Ms: tookMs.percentile(0.5),
    p99Ms: tookMs.percentile(0.99),
    p999Ms: tookMs.percentile(0.999),
    maxMs: tookMs.max,
  }
}

/** Ends a call before its time. */
function stop(): void {
  endsAt = 0
}

answerParent({ call, stop })
