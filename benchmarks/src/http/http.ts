import { randomBytes } from 'node:crypto'
import { type Child, startChild } from '../harness/child.ts'
import { getRequest, HttpConnection } from '../harness/http-connection.ts'
import { progress } from '../harness/progress.ts'
import { atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { median, quantile, shuffled } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import type { Load } from './load.ts'

const rounds = 100
const warmUpRounds = 10
const requestsPerRound = 1200
const connections = 32
const ref = 'bench/tenant/acme'

interface Server {
  readonly name: string
  readonly child: Child
  readonly port: number
  readonly cpuUs: number[]
  readonly perSecond: number[]
}

/** What the server processes spend on a request: CPU time, because times on a busy machine tell nothing. */
export async function http(): Promise<BenchmarkResult> {
  await using folder = await temporaryFolder()
  const environment = { env: { NODE_ENV: 'production' } }
  const hotwell = startChild(new URL('./token-server.ts', import.meta.url), environment)
  const bare = startChild(new URL('./bare-server.ts', import.meta.url), environment)
  const load = startChild(new URL('./load.ts', import.meta.url))
  try {
    const apiKey = `hw_${randomBytes(32).toString('base64url')}`
    const request = getRequest(`/api/v1/tokens/${ref}`, { authorization: `Bearer ${apiKey}` })
    const port = await hotwell.ask<number>('listen', { dataDir: folder.path, apiKey, ref })
    const body = await bodyOf(port, request)
    const barePort = await bare.ask<number>('listen', JSON.parse(body))
    const servers = [server('Hotwell, key checked', hotwell, port), server('bare node:http', bare, barePort)]
    for (let round = 1 - warmUpRounds; round <= rounds; round++) {
      for (const { child, port, cpuUs, perSecond } of shuffled(servers)) {
        const before = await child.ask<NodeJS.CpuUsage>('cpu')
        const order: Load = { port, request, connections, requests: requestsPerRound, bodyBytes: body.length }
        const reached = await load.ask<number>('run', order)
        const after = await child.ask<NodeJS.CpuUsage>('cpu')
        if (round < 1) continue
        cpuUs.push((after.user - before.user + after.system - before.system) / requestsPerRound)
        perSecond.push(reached)
      }
      if (round % 25 === 0) progress(`round ${round} of ${rounds}`)
    }
    return resultOf(servers[0]!, servers[1]!, body.length)
  } finally {
    await Promise.all([hotwell.close(), bare.close(), load.close()])
  }
}

function server(name: string, child: Child, port: number): Server {
  return { name, child, port, cpuUs: [], perSecond: [] }
}

async function bodyOf(port: number, request: string): Promise<string> {
  const connection = await HttpConnection.open(port)
  try {
    return await connection.send(request)
  } finally {
    connection.close()
  }
}

function resultOf(hotwell: Server, bare: Server, bytes: number): BenchmarkResult {
  const ratio = median(hotwell.cpuUs) / median(bare.cpuUs)
  const ratios = hotwell.cpuUs.map((us, round) => us / bare.cpuUs[round]!)
  return {
    name: 'http',
    figures: [
      figure('reply', bytes, 'bytes'),
      figure(`${hotwell.name}: CPU a request`, median(hotwell.cpuUs), 'µs', {
        peer: `${bare.name} ${median(bare.cpuUs).toFixed(1)} µs`,
        limit: '≤ 1.25 × bare',
      }),
      figure(`${bare.name}: CPU a request`, median(bare.cpuUs), 'µs'),
      figure('ratio, a quarter of the rounds below', quantile(ratios, 0.25), '×'),
      figure('ratio, a quarter of the rounds above', quantile(ratios, 0.75), '×'),
      figure(`${hotwell.name}: reached`, median(hotwell.perSecond), 'requests/s'),
      figure(`${bare.name}: reached`, median(bare.perSecond), 'requests/s'),
    ],
    goals: [atMost('CPU of a token ÷ CPU of bare node:http', ratio, 1.25)],
  }
}
