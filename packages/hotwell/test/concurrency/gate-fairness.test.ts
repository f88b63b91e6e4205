import { expect, test } from 'vitest'
import { meanWaitMs, schedule } from './central-scheduler.ts'
import { DoorCounter, type Login, type Served, throughGate } from './traffic.ts'

const seeds = process.env.HOTWELL_TEST_SCALE === 'long' ? Array.from({ length: 20 }, (_, i) => i + 1) : [1, 2, 3]
const capacity = { all: 3, perSite: 2, perAccount: 1 }
/** Long enough for everybody to get a turn: 500 logins of a second, three at once, take minutes. */
const patient = { queueTimeoutSeconds: 86_400, lockTimeoutSeconds: 86_400 }

/** The same numbers in [0, 1) for the same seed (a linear congruential generator, Numerical Recipes). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}

type Draw = (random: () => number) => number

const arrivals: Record<string, Draw> = {
  'all at once': () => 0,
  'spread over three minutes': random => random() * 180_000,
  'in ten bursts': random => Math.floor(random() * 10) * 20_000,
}
const services: Record<string, Draw> = {
  'of a second': () => 1000,
  'of half a second to two': random => 500 + random() * 1500,
  // Pareto with a = 1.5: most take under a second, a few take minutes. The longest hold is 300 s.
  'heavy-tailed': random => Math.min(200_000, 400 * (1 - random()) ** (-1 / 1.5)),
}
const popularity: Record<string, Draw> = {
  even: random => random(),
  'mostly to a few sites': random => random() ** 3,
}

/** 500 logins at 20 sites with five accounts each, to whole milliseconds so that no two schedulers round differently. */
function traffic(seed: number, arrive: Draw, serve: Draw, which: Draw): Login[] {
  const random = randomOf(seed)
  return Array.from({ length: 500 }, () => ({
    site: `site${Math.floor(which(random) * 20)}`,
    account: `account${Math.floor(random() * 5)}`,
    arriveMs: Math.round(arrive(random)),
    serviceMs: Math.max(1, Math.round(serve(random))),
  }))
}

const scenes = Object.keys(arrivals).flatMap(arrive =>
  Object.keys(services).flatMap(serve => Object.keys(popularity).map(which => [arrive, serve, which] as const)),
)

test.each(scenes)(
  '500 logins %s, %s, %s: no limit exceeded, nobody starves, waits as short as a central scheduler’s',
  async (arrive, serve, which) => {
    for (const seed of seeds) {
      const logins = traffic(seed, arrivals[arrive]!, services[serve]!, popularity[which]!)
      const { served, refused, door, usage } = await throughGate(logins, { limits: patient })
      expect(refused).toEqual([])
      expect(served).toHaveLength(500)
      expect(door.most).toEqual({ all: 3, site: 2, account: 1 })
      expect(door.overtaken).toEqual([])
      const central = schedule(logins, capacity)
      expect(meanWaitMs(served)).toBeLessThanOrEqual(1.2 * meanWaitMs(central))
      expect(longestWaitMs(served)).toBeLessThanOrEqual(1.2 * longestWaitMs(central))
      // What it says of itself is what was seen.
      expect(usage).toMatchObject({ running: 0, waiting: 0, entered: 500, timedOut: 0, reclaimed: 0 })
      expect(usage.longestWaitMs).toBe(longestWaitMs(served))
    }
  },
)

test('a third of them preheats: waits are no longer on the whole', async () => {
  for (const seed of seeds) {
    const logins = traffic(seed, arrivals['in ten bursts']!, services['heavy-tailed']!, popularity.even!)
    const { served, door } = await throughGate(logins, { limits: patient, preheats: 1 / 3 })
    expect(door.most).toEqual({ all: 3, site: 2, account: 1 })
    expect(meanWaitMs(served)).toBeLessThanOrEqual(1.2 * meanWaitMs(schedule(logins, capacity)))
  }
})

test('by default nobody waits more than a minute, and everybody else is served', async () => {
  const logins = traffic(1, arrivals['all at once']!, services['of a second']!, popularity.even!)
  const { served, refused, door, usage } = await throughGate(logins)
  expect(served.length + refused.length).toBe(500)
  // Three a second for a minute.
  expect(served.length).toBeGreaterThanOrEqual(175)
  expect(longestWaitMs(served)).toBeLessThanOrEqual(60_000)
  expect(door.most).toEqual({ all: 3, site: 2, account: 1 })
  expect(usage).toMatchObject({ entered: served.length, timedOut: refused.length, longestWaitMs: 60_000 })
})

test('the control: where nobody may pass whoever is blocked, waits are longer, and the measure sees it', () => {
  const logins = traffic(1, arrivals['all at once']!, services['heavy-tailed']!, popularity['mostly to a few sites']!)
  const strict = schedule(logins, capacity, true)
  expect(meanWaitMs(strict)).toBeGreaterThan(1.2 * meanWaitMs(schedule(logins, capacity)))
})

test('the control: whoever is passed is seen, unless a tier of his own is full', () => {
  const door = new DoorCounter()
  const login = (site: string, account: string): Login => ({ site, account, arriveMs: 0, serviceMs: 1 })
  const zhang = login('court', 'zhang')
  const zhangAgain = login('court', 'zhang')
  const li = login('court', 'li')
  for (const one of [zhang, zhangAgain, li]) door.ask(one)
  door.enter(zhang)
  door.enter(li)
  expect(door.overtaken).toEqual([])
  const bank = login('bank', 'zhang')
  const late = login('bank', 'wang')
  for (const one of [bank, late]) door.ask(one)
  door.enter(late)
  expect(door.overtaken).toEqual([bank])
})

function longestWaitMs(served: readonly Served[]): number {
  return Math.max(...served.map(one => one.startMs - one.arriveMs))
}
