import { interleave } from '../harness/interleave.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, type Figure, figure, type Goal } from '../harness/result.ts'
import { type Loop, loopOf, type Variant } from '../harness/variant.ts'
import { handleTwins } from './handle-twins.ts'
import { hotwellGet, hotwellPeek, warmManager } from './hotwell.ts'
import { bentocachePeer } from './peers/bentocache.ts'
import { awaitFloor, plainMap } from './peers/floors.ts'
import { googleAuthPeer } from './peers/google-auth.ts'
import { larkPeer } from './peers/lark.ts'
import { lruCachePeer } from './peers/lru-cache.ts'
import { msalOneClientPeer, msalPeer } from './peers/msal.ts'

const refCount = 1000
/** How many times as long as `get()` each peer has to take. */
const peerGoals = [
  ['lru-cache fetch', 1.8],
  ['google-auth-library', 2],
  ['bentocache', 25],
  ["Lark's node-sdk", 100],
  ['msal-node', 500],
] as const

/** A token that is there, over 1,000 refs, all warm. */
export async function tokenGet(): Promise<BenchmarkResult> {
  const tokens = Array.from({ length: refCount }, (_, index) => `t-${String(index).padStart(6, '0')}${'x'.repeat(32)}`)
  progress(`warming ${refCount} tokens in every client`)
  const { manager, handles } = await warmManager(tokens)
  const refs = handles.map(handle => handle.ref)
  const twins = handleTwins(handles[0]!, tokens)
  const quick: Variant[] = [
    awaitFloor(tokens),
    hotwellGet(handles),
    plainMap(refs, tokens),
    hotwellPeek(handles),
    ...twins,
    await lruCachePeer(refs, tokens),
    await googleAuthPeer(tokens),
  ]
  const slow: Variant[] = [await bentocachePeer(refs, tokens), await larkPeer(refs), await msalPeer(tokens)]
  // Another order of magnitude: a pass of it would take as long as all the others.
  const slowest = await msalOneClientPeer(tokens)
  try {
    const hitsBefore = manager.metrics.totalReadLocks()
    const loops = new Map<string, Loop>()
    for (const variant of [...quick, ...slow]) loops.set(variant.name, loopOf(variant))
    await proveThatTokensAreServed(loops)
    const ns = await interleave(loops, {
      rounds: 61,
      sampleMs: 4,
      callsPerPass: refCount,
      onRound: round => round % 10 === 1 && progress(`round ${round} of 61`),
    })
    progress(slowest.name)
    const oneClient = new Map([[slowest.name, loopOf(slowest)]])
    for (const [name, value] of await interleave(oneClient, { rounds: 3, sampleMs: 1, callsPerPass: refCount }))
      ns.set(name, value)
    if (!(manager.metrics.totalReadLocks() > hitsBefore))
      throw new Error('Metrics were to be on and have counted nothing.')
    return { name: 'token-get', figures: figuresOf(ns), goals: goalsOf(ns) }
  } finally {
    for (const variant of [...quick, ...slow]) await variant.close?.()
    await manager.close()
  }
}

/** Every loop has to come to the same sum with each pass, or it does not serve tokens. */
async function proveThatTokensAreServed(loops: ReadonlyMap<string, Loop>): Promise<void> {
  for (const [name, loop] of loops) {
    const one = await loop(1)
    const two = await loop(2)
    if (!(one >= refCount && two === 2 * one)) throw new Error(`${name} served ${one} and ${two} characters.`)
  }
}

function figuresOf(ns: ReadonlyMap<string, number>): Figure[] {
  const get = ns.get('get()')!
  const limits = new Map<string, string>(peerGoals.map(([name, goal]) => [name, `≥ ${goal} × get()`]))
  limits.set('get()', '≤ 1.25 × await floor').set('peek()', '≤ 0.5 × Map.get')
  return [...ns].map(([name, value]) =>
    figure(name, value, 'ns', { peer: `${(value / get).toPrecision(3)} × get()`, limit: limits.get(name) }),
  )
}

function goalsOf(ns: ReadonlyMap<string, number>): Goal[] {
  const of = (name: string) => ns.get(name)!
  // Taken from peek(): the noise of what is awaited is greater than what counting costs.
  const counting = of('peek() with counters') - of('peek() without counters')
  return [
    atMost('get() ÷ await floor', of('get()') / of('await floor'), 1.25),
    atMost('peek() ÷ Map.get', of('peek()') / of('Map.get'), 0.5),
    atMost('metrics in a hit, ns (2 or 5 %)', counting, Math.max(2, 0.05 * of('get()'))),
    ...peerGoals.map(([name, goal]) => atLeast(`${name} ÷ get()`, of(name) / of('get()'), goal)),
  ]
}
