import { createGate, type Gate, type GateRequest } from 'hotwell/concurrency'
import { createSystemClock } from 'hotwell/core'
import { PromiseQueue } from './peers.ts'
import { loginRequests, tenantRequests } from './requests.ts'

export const waiterCount = 100_000

/** Bytes of heap that each of 100,000 waiters takes, its promise included and its request not, by who waits for what. */
export async function bytesPerWaiter(): Promise<Map<string, number>> {
  const bytes = new Map<string, number>()
  const ownSignal = (request: GateRequest) => ({ ...request, signal: new AbortController().signal })
  const crowds = {
    'tenants of one provider': tenantRequests(waiterCount),
    'accounts of 20 sites': loginRequests(waiterCount),
    'accounts of one site': loginRequests(waiterCount, 'court'),
    'tenants, each with a signal of its own': tenantRequests(waiterCount).map(ownSignal),
  }
  for (const [name, requests] of Object.entries(crowds)) {
    const gate = createGate({ clock: createSystemClock() })
    bytes.set(name, await measure(requests, request => gate.enter(request)))
    await leave(gate)
  }
  const queue = new PromiseQueue(1)
  bytes.set('promise queue', await measure(tenantRequests(waiterCount), () => queue.enter()))
  return bytes
}

async function measure(requests: readonly GateRequest[], enter: (request: GateRequest) => Promise<unknown>) {
  const waits: Promise<unknown>[] = Array(requests.length)
  const before = heapUsed()
  for (let index = 0; index < requests.length; index++) {
    waits[index] = enter(requests[index]!)
    // When the gate closes.
    waits[index]!.catch(() => {})
  }
  const bytes = (heapUsed() - before) / waits.length
  if (waits.length !== requests.length) throw new Error('The promises have to outlive the measurement.')
  return bytes
}

async function leave(gate: Gate): Promise<void> {
  const { waiting } = gate.usage()
  if (waiting < waiterCount - 100) throw new Error(`Of ${waiterCount} only ${waiting} wait.`)
  gate.close()
  await new Promise(resolve => setImmediate(resolve))
}

function heapUsed(): number {
  if (!globalThis.gc) throw new Error('The benchmark needs node --expose-gc.')
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
