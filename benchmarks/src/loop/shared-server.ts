import { join } from 'node:path'
import { createServer, type HotwellServer } from '@hotwell/server'
import type { AcquisitionRecord } from 'hotwell'
import { createHistory, type History } from 'hotwell/history'
import { custom } from 'hotwell/providers/custom'
import { answerParent } from '../harness/child.ts'

export interface SharedServerOptions {
  readonly name: string
  readonly dataDir: string
  readonly issuer: string
  readonly refs: readonly string[]
  readonly apiKey: string
}

/** How often records are handed in, and how many may wait: enough that the writing thread never has to. */
const pumpEveryMs = 10
const mostWaiting = 2000

let server: HotwellServer | undefined
let history: History | undefined
let pump: NodeJS.Timeout | undefined
const finished: AcquisitionRecord[] = []

/** One of the two processes: a server whose data folder the other one uses as well. */
async function listen({ name, dataDir, issuer, refs, apiKey }: SharedServerOptions): Promise<number> {
  const provider = custom({
    kinds: ['tenant'],
    async acquire({ ref, signal }) {
      const reply = await fetch(`${issuer}/?process=${name}&ref=${ref.canonical}`, { signal })
      return (await reply.json()) as { value: string; expiresInSeconds: number }
    },
  })
  server = await createServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      dataDir,
      providers: { issuer: provider },
      manifest: [...refs],
      keys: [{ name: 'benchmark', key: apiKey, refs: ['*'], actions: ['read'] }],
    },
    observe: tokens => tokens.on('acquisition.finished', record => finished.push(record)),
  })
  await server.tokens.ready()
  return Number(new URL(server.url).port)
}

/** Writes history as fast as the file takes it, into the very file that the server writes to. */
function writeHistory({ dataDir }: { dataDir: string }): void {
  history = createHistory({ path: join(dataDir, 'hotwell.db') })
  let number = 0
  pump = setInterval(() => {
    for (let count = mostWaiting - history!.buffered; count > 0; count--) history!.record(madeUpRecord(number++))
  }, pumpEveryMs)
}

function madeUpRecord(number: number): AcquisitionRecord {
  const now = Date.now()
  return {
    id: `benchmark-${process.pid}-${number}`,
    provider: 'benchmark',
    kind: 'tenant',
    subject: `t${number % 1000}`,
    ref: `benchmark/tenant/t${number % 1000}`,
    status: 'success',
    trigger: 'preheat',
    unchanged: false,
    refresh: true,
    attempts: 1,
    totalMs: 210,
    providerMs: 200,
    captchaAttempts: 0,
    networkRetries: 0,
    queueWaitMs: 0,
    fingerprint: '0123456789abcdef',
    generation: now,
    node: 'benchmark',
    createdAt: now - 210,
    startedAt: now - 205,
    finishedAt: now,
  }
}

async function results(): Promise<{ finished: AcquisitionRecord[]; written: number; dropped: number }> {
  clearInterval(pump)
  await history?.flush()
  return { finished, written: history?.written ?? 0, dropped: history?.dropped ?? 0 }
}

answerParent({ listen, writeHistory, results }, async () => {
  clearInterval(pump)
  await history?.close()
  await server?.close()
})
