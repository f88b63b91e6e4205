import { expect, test } from 'vitest'
import { account, enter, scene } from './scene.ts'

const manyAtOnce = { maxConcurrentAcquisitions: 100, maxConcurrentPerSite: 50 }

/**
 * Two sites whose accounts all log in again and again; one of them takes only `perSecond` logins and answers 429.
 * Counted from the second minute.
 */
async function logins(options: { perSecond: number; deaf?: boolean; minutes?: number }) {
  const { perSecond, deaf, minutes = 10 } = options
  const { clock, gate } = scene(manyAtOnce)
  const startedAt = clock.monotonic()
  const counts = { strict: { accepted: 0, rejected: 0 }, free: { accepted: 0, rejected: 0 } }
  let level = 1
  let levelAt = startedAt
  const takes = (site: 'strict' | 'free'): boolean => {
    if (site === 'free') return true
    level = Math.min(3, level + ((clock.monotonic() - levelAt) / 1000) * perSecond)
    levelAt = clock.monotonic()
    return level >= 1 && level-- >= 1
  }
  const pause = (ms: number) => new Promise<void>(resolve => clock.schedule(resolve, ms))
  let open = true
  for (const site of ['strict', 'free'] as const) {
    for (let index = 0; index < 20; index++) {
      const login = async () => {
        while (open) {
          const slot = await enter(gate, account(`account ${index}`, site)).catch(() => undefined)
          if (!slot) continue
          const accepted = takes(site)
          await pause(accepted ? 800 : 100)
          counts[site][accepted ? 'accepted' : 'rejected']++
          if (!accepted && !deaf) gate.penalize(site)
          slot.release()
          await pause(200)
        }
      }
      login()
    }
  }
  await clock.advance(60_000)
  for (const site of Object.values(counts)) site.accepted = site.rejected = 0
  await clock.advance(minutes * 60_000)
  const usage = gate.usage()
  open = false
  gate.close()
  return { counts, usage, seconds: minutes * 60 }
}

test.each([2, 0.5])(
  'a site that takes %d logins a second is learned from its 429s, and no other site is held back',
  async perSecond => {
    const { counts, usage, seconds } = await logins({ perSecond })
    const { accepted, rejected } = counts.strict
    expect(accepted).toBeGreaterThan(0.9 * perSecond * seconds)
    // Now and then it has to be tried whether more goes.
    expect(rejected).toBeLessThan(0.12 * accepted)
    const { strict, free } = usage.providers
    expect(strict?.perSecond).toBeGreaterThan(0.6 * perSecond)
    expect(strict?.perSecond).toBeLessThan(1.5 * perSecond)
    expect(free?.perSecond).toBeUndefined()
    expect(counts.free).toEqual({ accepted: expect.any(Number), rejected: 0 })
    expect(counts.free.accepted).toBeGreaterThanOrEqual(20 * seconds - 20)
  },
)

test('the control: without being told of the 429s most logins are rejected', async () => {
  const { counts } = await logins({ perSecond: 2, deaf: true, minutes: 2 })
  expect(counts.strict.rejected).toBeGreaterThan(5 * counts.strict.accepted)
})

test('the rate that was learned is cut to four fifths of what the site took, and comes back with time', async () => {
  const { clock, gate } = scene(manyAtOnce)
  const rates: number[] = []
  for (let i = 0; i < 100; i++) {
    ;(await enter(gate, account(`${i}`))).release()
    await clock.advance(100)
  }
  gate.penalize('court')
  rates.push(gate.usage().providers.court!.perSecond!)
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i < 20; i++)
      enter(gate, account(`${i}`)).then(
        slot => slot.release(),
        () => {},
      )
    await clock.advance(1000)
    rates.push(gate.usage().providers.court!.perSecond!)
  }
  expect(rates[0]).toBeGreaterThan(0.8 * 9 - 0.5)
  expect(rates[0]).toBeLessThan(0.8 * 10 + 0.5)
  for (let second = 1; second < rates.length; second++) expect(rates[second]).toBeGreaterThanOrEqual(rates[second - 1]!)
  expect(rates.at(-1)).toBeGreaterThan(10)
})
