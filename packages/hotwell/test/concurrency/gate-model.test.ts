import fc from 'fast-check'
import { createGate, type GateLimits, type GateRequest, type GateSlot } from 'hotwell/concurrency'
import { isHotwellError } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

const times = { acquisitionTimeoutSeconds: 20, lockTimeoutSeconds: 4, queueTimeoutSeconds: 10, quarantineSeconds: 5 }
const long = process.env.HOTWELL_TEST_SCALE === 'long'

/** One request of a random history, as seen from outside of the gate. */
interface Asked {
  readonly index: number
  readonly request: GateRequest
  readonly abort: AbortController
  readonly askedAt: number
  slot?: GateSlot
  enteredAt?: number
  endedAt?: number
  error?: unknown
}

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('ask' as const),
      provider: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('account', 'account', 'tenant', 'app'),
      subject: fc.constantFrom('x', 'y', 'z'),
      priority: fc.constantFrom('foreground' as const, 'preheat' as const),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('abort' as const), which: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 4000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('freeze' as const), ms: fc.integer({ min: 0, max: 9000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('configure' as const),
      limits: fc.record({
        maxConcurrentAcquisitions: fc.integer({ min: 1, max: 4 }),
        maxConcurrentPerSite: fc.integer({ min: 1, max: 3 }),
        maxConcurrentPerAccount: fc.integer({ min: 1, max: 2 }),
        maxConcurrentOther: fc.integer({ min: 1, max: 4 }),
        maxConcurrentPerProvider: fc.integer({ min: 1, max: 3 }),
      }),
    }),
  },
)

class Model {
  readonly clock = new FakeClock()
  limits: Required<GateLimits> = {
    ...times,
    maxConcurrentAcquisitions: 3,
    maxConcurrentPerSite: 2,
    maxConcurrentPerAccount: 1,
    maxConcurrentOther: 3,
    maxConcurrentPerProvider: 2,
  }
  readonly gate = createGate({ clock: this.clock, ...this.limits })
  readonly asked: Asked[] = []

  ask(facts: Pick<GateRequest, 'provider' | 'kind' | 'subject' | 'priority'>): void {
    const abort = new AbortController()
    const request = { ...facts, signal: abort.signal }
    const one: Asked = { index: this.asked.length, request, abort, askedAt: this.clock.monotonic() }
    this.asked.push(one)
    this.gate.enter(request).then(
      slot => {
        one.slot = slot
        one.enteredAt = this.clock.monotonic()
        slot.signal.addEventListener('abort', () => (one.endedAt ??= this.clock.monotonic()))
      },
      error => {
        one.error = error
        one.endedAt = this.clock.monotonic()
      },
    )
  }

  /** Let in and neither released nor at its deadline. */
  get running(): Asked[] {
    return this.asked.filter(one => one.slot && one.endedAt === undefined)
  }

  get waiting(): Asked[] {
    return this.asked.filter(one => !one.slot && one.error === undefined)
  }

  /** How full each tier of a request is, without quarantined accounts. */
  tiers({ request }: Asked): { running: number; limit: number }[] {
    const login = request.kind === 'account'
    const peers = this.running.filter(one => (one.request.kind === 'account') === login)
    const here = peers.filter(one => one.request.provider === request.provider)
    const same = here.filter(one => one.request.subject === request.subject)
    const { limits } = this
    return login
      ? [
          { running: peers.length, limit: limits.maxConcurrentAcquisitions },
          { running: here.length, limit: limits.maxConcurrentPerSite },
          { running: same.length, limit: limits.maxConcurrentPerAccount },
        ]
      : [
          { running: peers.length, limit: limits.maxConcurrentOther },
          { running: here.length, limit: limits.maxConcurrentPerProvider },
        ]
  }
}

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const histories = fc.array(step, { minLength: 1, maxLength: 120, size: 'max' })

async function play(steps: readonly Step[], check: (model: Model, lowered: boolean) => void) {
  const model = new Model()
  let lowered = false
  for (const one of steps) {
    const { running, waiting } = model
    if (one.type === 'ask') model.ask(one)
    else if (one.type === 'wait') await model.clock.advance(one.ms)
    else if (one.type === 'freeze') model.clock.freeze(one.ms)
    else if (one.type === 'abort' && waiting.length > 0) waiting[one.which % waiting.length]!.abort.abort()
    else if (one.type === 'release' && running.length > 0) {
      const held = running[one.which % running.length]!
      held.slot!.release()
      held.slot!.release()
      held.endedAt = model.clock.monotonic()
    } else if (one.type === 'configure') {
      lowered = true
      model.limits = { ...model.limits, ...one.limits }
      model.gate.configure(one.limits)
    }
    await model.clock.advance(0)
    check(model, lowered)
  }
  await model.clock.advance(60_000)
  return model
}

const runs = { numRuns: long ? 5000 : 300 }

test('whatever arrives, aborts, hangs or is reconfigured: no limit is exceeded, nobody waits who could run', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async steps => {
      await play(steps, (model, lowered) => {
        for (const one of model.running) {
          // What ran before a limit was lowered may run on.
          if (!lowered) for (const { running, limit } of model.tiers(one)) expect(running).toBeLessThanOrEqual(limit)
        }
        for (const one of model.waiting) {
          const quarantined = one.request.kind === 'account' && model.gate.usage().reclaimed > 0
          if (!quarantined) expect(model.tiers(one).some(({ running, limit }) => running >= limit)).toBe(true)
        }
      })
    }),
    runs,
  )
})

test('whatever happens, everybody who waits gets a slot or an error in time, and nothing stays taken', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async steps => {
      let frozenMs = 0
      for (const one of steps) if (one.type === 'freeze') frozenMs += one.ms
      const { asked, waiting, gate } = await play(steps, () => {})
      expect(waiting).toEqual([])
      expect(gate.usage()).toMatchObject({ running: 0, waiting: 0 })
      for (const one of asked) {
        const waitedMs = (one.enteredAt ?? one.endedAt)! - one.askedAt
        expect(waitedMs).toBeLessThanOrEqual(times.queueTimeoutSeconds * 1000 + frozenMs)
        if (one.error && !one.abort.signal.aborted) expect(isHotwellError(one.error, 'queue_timeout')).toBe(true)
      }
      const numbers = asked.flatMap(one => one.slot?.number ?? [])
      expect(new Set(numbers).size).toBe(numbers.length)
    }),
    runs,
  )
})

test('whatever happens, those who want the same get it in the order in which they came', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async steps => {
      const { asked } = await play(steps, () => {})
      const last = new Map<string, number>()
      const byNumber = asked.filter(one => one.slot).sort((a, b) => a.slot!.number - b.slot!.number)
      for (const { request, index } of byNumber) {
        const login = request.kind === 'account'
        const key = [request.provider, login, login ? request.subject : '', request.priority].join()
        expect(index).toBeGreaterThan(last.get(key) ?? -1)
        last.set(key, index)
      }
    }),
    runs,
  )
})
