import { createGate, type GateLimits, type GateRequest } from 'hotwell/concurrency'
import { createSystemClock } from 'hotwell/core'
import { progress } from '../harness/progress.ts'
import { median, shuffled } from '../harness/statistics.ts'
import { ScanningGate } from './peers.ts'
import { loginRequests, tenantRequests } from './requests.ts'

export const crowdSizes = [1000, 10_000, 100_000] as const
const rounds = 31
const wakeUpsPerRound = 500

interface Door {
  enter(request: GateRequest): Promise<{ release(): void }>
}

interface Crowd {
  readonly name: string
  readonly size: number
  readonly samples: number[]
  round(): Promise<number>
}

const patient: GateLimits = {
  queueTimeoutSeconds: 86_400,
  lockTimeoutSeconds: 86_400,
  acquisitionTimeoutSeconds: 86_400,
}
const newGate = (limits: GateLimits = {}) => createGate({ clock: createSystemClock(), ...patient, ...limits })

const scenes: Record<string, { open(): Door; requests(size: number): GateRequest[] }> = {
  'tenants of one provider': { open: () => newGate(), requests: size => tenantRequests(size) },
  'accounts of 20 sites': { open: () => newGate(), requests: size => loginRequests(size) },
  'behind a busy site': { open: () => newGate(), requests: behindBusySite },
  'control: looked through': { open: () => new ScanningGate(), requests: behindBusySite },
}

/** All but a thousand wait for one site, whose two slots never come free; what wakes up goes elsewhere. */
function behindBusySite(size: number): GateRequest[] {
  const moving = 2 * wakeUpsPerRound
  return [...loginRequests(size, 'busy'), ...loginRequests(moving, 'free')]
}

/** Nanoseconds from a release until whoever is next runs on, by scene and by how many wait: medians. */
export async function wakeUps(): Promise<Map<string, Map<number, number>>> {
  const crowds: Crowd[] = []
  for (const name of Object.keys(scenes)) for (const size of crowdSizes) crowds.push(await gather(name, size))
  // The first round is for the compiler.
  for (let round = 0; round <= rounds; round++) {
    globalThis.gc?.()
    for (const crowd of shuffled(crowds)) {
      const ns = await crowd.round()
      if (round > 0) crowd.samples.push(ns)
    }
    if (round % 10 === 1) progress(`wake-ups, round ${round} of ${rounds}`)
  }
  const result = new Map<string, Map<number, number>>()
  for (const { name, size, samples } of crowds) {
    if (!result.has(name)) result.set(name, new Map())
    result.get(name)!.set(size, median(samples))
  }
  return result
}

async function gather(name: string, size: number): Promise<Crowd> {
  const { open, requests } = scenes[name]!
  const door = open()
  const all = requests(size)
  /** Those who were let in and are to leave again, and of which request each is. */
  const inside: { slot: { release(): void }; request: GateRequest }[] = []
  const stays = (request: GateRequest) => request.provider === 'busy'
  const enter = (request: GateRequest) => {
    door.enter(request).then(slot => {
      if (!stays(request)) inside.push({ slot, request })
    })
  }
  for (const request of all) enter(request)
  await turn()
  const present = inside.length
  return {
    name,
    size,
    samples: [],
    async round() {
      const gone: GateRequest[] = []
      globalThis.gc?.({ type: 'minor', execution: 'sync' })
      const startedAt = performance.now()
      for (let count = 0; count < wakeUpsPerRound; count++) {
        const { slot, request } = inside.shift()!
        slot.release()
        // By then whoever was let in has run on.
        await undefined
        gone.push(request)
      }
      const ns = ((performance.now() - startedAt) * 1e6) / wakeUpsPerRound
      if (inside.length !== present) throw new Error(`${name}: ${inside.length} are inside, not ${present}.`)
      for (const request of gone) enter(request)
      await turn()
      return ns
    },
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
