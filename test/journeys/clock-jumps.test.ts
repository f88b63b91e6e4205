import { join } from 'node:path'
import fc from 'fast-check'
import { createTokenManager } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { sqlite } from 'hotwell/stores/sqlite'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { type Ending, temporaryFolder } from './scene.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const hour = 3_600_000

/** A manager on a real SQLite file whose clock is in the test's hand, and a provider that knows the real age of each token. */
async function scene(ending: Ending, lifeSeconds: number, preheat: false | 'standard' = 'standard') {
  const clock = new FakeClock()
  const startAt = clock.now()
  const bootedAt = clock.monotonic()
  const born = new Map<string, number>()
  const provider = custom({
    kinds: ['client'],
    acquire: () => {
      const value = `token-${born.size + 1}`
      born.set(value, clock.monotonic())
      // The provider's own clock is right all the time.
      const serverDate = startAt + clock.monotonic() - bootedAt
      return { value, expiresInSeconds: lifeSeconds, serverDate }
    },
  })
  const store = sqlite({ path: join(await temporaryFolder(ending), 'tokens.db'), clock })
  const tokens = createTokenManager({ providers: { it: provider }, store, clock, preheat })
  ending.onTestFinished(() => tokens.close())
  const handle = tokens.token('it/client')
  /** Asks as a caller does, and tells how old the token really is, in ms. */
  const get = async () => {
    const value = await handle.get()
    return { value, ageMs: clock.monotonic() - born.get(value)! }
  }
  /** Real work happens between the ticks of the fake clock: a file is written. */
  const advance = async (ms: number) => {
    await clock.advance(ms)
    await new Promise(resolve => setTimeout(resolve, 3))
  }
  return { clock, tokens, handle, get, advance, acquired: () => born.size }
}

describe('a wall clock that jumps', () => {
  test('an hour on costs a long token nothing but an hour of its life', async context => {
    const { clock, tokens, get, advance, acquired } = await scene(context, 7200, false)
    const jumps: number[] = []
    tokens.on('clock.jumped', ({ byMs }) => jumps.push(byMs))
    expect(await get()).toEqual({ value: 'token-1', ageMs: 0 })
    clock.jumpWall(hour)
    await advance(1100)
    expect(jumps).toEqual([hour])
    expect((await get()).value).toBe('token-1')
    // By the wall it ends an hour early, and from then on nobody gets it.
    await advance(hour)
    expect((await get()).value).toBe('token-2')
    expect(acquired()).toBe(2)
  })

  test('an hour on ends a token of half an hour for everybody within a second, without an error', async context => {
    const { clock, get, advance, acquired } = await scene(context, 1800, false)
    await get()
    clock.jumpWall(hour)
    await advance(1000)
    expect(await get()).toEqual({ value: 'token-2', ageMs: 0 })
    expect((await get()).value).toBe('token-2')
    expect(acquired()).toBe(2)
  })

  test('an hour back gives no token a longer life', async context => {
    const { clock, get, advance, acquired } = await scene(context, 1800, false)
    await get()
    clock.jumpWall(-hour)
    await advance(1000)
    expect((await get()).value).toBe('token-1')
    expect(acquired()).toBe(1)
    await advance(1800_000)
    expect(await get()).toEqual({ value: 'token-2', ageMs: 0 })
  })

  test('an hour on makes no fresh reply look as if a cache had kept it', async context => {
    const { clock, handle, advance, acquired } = await scene(context, 1800, false)
    for (let times = 0; times < 4; times++) await handle.refresh()
    clock.jumpWall(hour)
    await advance(1000)
    await handle.refresh()
    expect(acquired()).toBe(5)
    expect(handle.inspect().expirySeconds()).toBeGreaterThan(1790)
  })

  test('back and forth stops no preheating: nobody waits afterwards', async context => {
    const { clock, handle, get, advance } = await scene(context, 600)
    await get()
    for (const jump of [hour, -hour, -hour, hour]) {
      clock.jumpWall(jump)
      await advance(1000)
      await get()
      for (let step = 0; step < 200; step++) {
        await clock.advance(10_000)
        handle.peek()
        await new Promise(resolve => setTimeout(resolve, 1))
        expect(handle.peek()).toBeDefined()
      }
    }
  })

  test('at any time, by any amount, never makes an older token be served than its life allows', async () => {
    const step = fc.oneof(
      fc.record({ advance: fc.integer({ min: 0, max: 900_000 }) }),
      fc.record({ jump: fc.integer({ min: -hour, max: hour }) }),
      fc.record({ freeze: fc.integer({ min: 0, max: 900_000 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const endings: (() => unknown)[] = []
        const { clock, get } = await scene({ onTestFinished: end => void endings.push(end as () => unknown) }, 600)
        try {
          for (const { advance = 0, jump = 0, freeze = 0 } of steps as Record<string, number>[]) {
            clock.jumpWall(jump!)
            clock.freeze(freeze!)
            // The event loop turns at least once before anybody asks: the coarse clock follows it.
            await clock.advance(advance!)
            expect((await get()).ageMs).toBeLessThan(600_000)
          }
        } finally {
          for (const end of endings.reverse()) await end()
        }
      }),
      { numRuns: long ? 1000 : 25 },
    )
  })
})
