import { Semaphore } from 'async-mutex'
import { createGate } from 'hotwell/concurrency'
import { createSystemClock } from 'hotwell/core'
import { interleave } from '../harness/interleave.ts'
import { progress } from '../harness/progress.ts'
import { type Loop, loopOf, type Variant } from '../harness/variant.ts'
import { PlainCounter, PromiseQueue, ThreeSemaphores } from './peers.ts'
import { loginRequests, tenantRequests } from './requests.ts'

const count = 1000
const rounds = 41

/** Nanoseconds for entering and releasing where nobody else is, by variant. */
export async function uncontended(): Promise<Map<string, number>> {
  const gate = createGate({ clock: createSystemClock() })
  const tenants = tenantRequests(count)
  const logins = loginRequests(count)
  const enter = 'shared.enter(target)'
  const variants: Variant[] = [
    variant('gate, tenants', tenants, gate, enter),
    variant('gate, logins', logins, createGate({ clock: createSystemClock() }), enter),
    variant('plain counter', tenants, new PlainCounter(), enter),
    variant('promise queue', tenants, new PromiseQueue(3), enter),
    {
      ...variant('async-mutex, one semaphore', tenants, new Semaphore(3), 'shared.acquire()'),
      consume: '[1]() ?? 1',
    },
    variant('async-mutex, three tiers', logins, new ThreeSemaphores(limit => new Semaphore(limit)), enter),
  ]
  const loops = new Map<string, Loop>()
  for (const one of variants) loops.set(one.name, loopOf(one))
  for (const [name, loop] of loops) {
    const passed = await loop(2)
    if (passed !== 2 * count) throw new Error(`${name} let ${passed} in, not ${2 * count}.`)
  }
  const entered = gate.usage().entered
  const ns = await interleave(loops, {
    rounds,
    sampleMs: 4,
    callsPerPass: count,
    onRound: round => round % 10 === 1 && progress(`round ${round} of ${rounds}`),
  })
  const { running, entered: all } = gate.usage()
  if (running !== 0 || all === entered) throw new Error(`The gate let ${all - entered} in and still holds ${running}.`)
  return ns
}

function variant(name: string, targets: readonly unknown[], shared: unknown, call: string): Variant {
  // What release() returns is nothing: each call counts as one.
  return { name, targets, shared, call, consume: '.release() ?? 1' }
}
