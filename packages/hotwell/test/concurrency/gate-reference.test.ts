import fc from 'fast-check'
import { createGate, type Gate, type GateLimits, type GateSlot } from 'hotwell/concurrency'
import { isHotwellError } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { type Guest, ReferenceGate, type Wanted } from './reference-gate.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'

const initial: Required<GateLimits> = {
  maxConcurrentAcquisitions: 3,
  maxConcurrentPerSite: 2,
  maxConcurrentPerAccount: 1,
  maxConcurrentOther: 3,
  maxConcurrentPerProvider: 2,
  acquisitionTimeoutSeconds: 20,
  lockTimeoutSeconds: 4,
  queueTimeoutSeconds: 10,
  quarantineSeconds: 5,
}

/**
 * Each step comes a whole number of these and one millisecond after the one before, and all limits of time are a
 * multiple of twice of it: so that hardly anything falls on the same millisecond as something else.
 */
const gridMs = 200

const wanted = fc.record({
  provider: fc.constantFrom('a', 'b', 'c'),
  kind: fc.constantFrom('account', 'account', 'account', 'tenant', 'app'),
  subject: fc.constantFrom('x', 'y', 'z'),
  priority: fc.constantFrom('foreground' as const, 'foreground' as const, 'preheat' as const),
})

const limits = fc.record(
  {
    maxConcurrentAcquisitions: fc.integer({ min: 1, max: 5 }),
    maxConcurrentPerSite: fc.integer({ min: 1, max: 3 }),
    maxConcurrentPerAccount: fc.integer({ min: 1, max: 2 }),
    maxConcurrentOther: fc.integer({ min: 1, max: 4 }),
    maxConcurrentPerProvider: fc.integer({ min: 1, max: 3 }),
    acquisitionTimeoutSeconds: fc.constantFrom(6, 20),
    lockTimeoutSeconds: fc.constantFrom(2, 4, 8),
    queueTimeoutSeconds: fc.constantFrom(4, 10, 20),
    quarantineSeconds: fc.constantFrom(2, 5),
  },
  { requiredKeys: [] },
)

const action = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('ask' as const),
      those: fc.array(wanted, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('abort' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('configure' as const), limits }) },
)
const histories = fc.record({
  steps: fc.array(fc.record({ action, pause: fc.oneof(fc.constant(0), fc.nat(20)) }), {
    minLength: 1,
    maxLength: 100,
    size: 'max',
  }),
  closes: fc.boolean(),
})

/** One request at the gate itself, beside what the reference says of it. */
interface Pair {
  readonly guest: Guest
  readonly abort: AbortController
  slot?: GateSlot
  error?: unknown
}

class Scene {
  readonly clock = new FakeClock()
  readonly gate: Gate = createGate({ clock: this.clock, ...initial })
  readonly reference = new ReferenceGate(initial, this.clock.monotonic())
  readonly pairs: Pair[] = []

  ask(request: Wanted): void {
    const abort = new AbortController()
    const pair: Pair = { guest: this.reference.ask(request), abort }
    this.pairs.push(pair)
    this.gate.enter({ ...request, signal: abort.signal }).then(
      slot => (pair.slot = slot),
      error => (pair.error = error),
    )
  }

  /** Also old slots: releasing them must do nothing. */
  release(which: number): void {
    const given = this.pairs.filter(pair => pair.slot)
    const pair = given[which % given.length]
    if (!pair) return
    pair.slot!.release()
    this.reference.release(pair.guest)
  }

  abort(which: number): void {
    const pair = this.pairs[which % this.pairs.length]
    pair?.abort.abort()
    if (pair) this.reference.abort(pair.guest)
  }

  async advance(byMs: number): Promise<void> {
    this.reference.advance(byMs)
    fc.pre(!this.reference.ambiguous)
    await this.clock.advance(byMs)
  }

  /** Everybody is where the reference has them, and the gate says so. */
  check(): void {
    expect(this.pairs.map(seen).join('\n')).toBe(this.pairs.map(({ guest }) => told(guest)).join('\n'))
    const { p95WaitMs, accounts, others, ...usage } = this.gate.usage()
    const { p95WaitMs: p95OfAccounts, ...ofAccounts } = accounts
    const { p95WaitMs: p95OfOthers, ...ofOthers } = others
    expect({ ...usage, accounts: ofAccounts, others: ofOthers }).toEqual(usageOf(this.reference))
    const { waits } = this.reference
    expectNear(p95WaitMs, p95(waits.map(({ ms }) => ms)))
    expectNear(p95OfAccounts, p95(waits.filter(({ account }) => account).map(({ ms }) => ms)))
    expectNear(p95OfOthers, p95(waits.filter(({ account }) => !account).map(({ ms }) => ms)))
  }
}

/** What has become of a request, as its caller sees it. */
function seen({ slot, error, abort }: Pair): string {
  if (slot) return `slot ${slot.number} after ${slot.queueWaitMs} ms${slot.signal.aborted ? ', aborted' : ''}`
  if (error === undefined) return 'waits'
  if (error === abort.signal.reason) return 'gave up'
  return isHotwellError(error) ? error.code : String(error)
}

/** The same, as the reference has it. */
function told(guest: Guest): string {
  const { fate, number, late, takenAt, arrivedAt } = guest
  if (number > 0) return `slot ${number} after ${takenAt - arrivedAt} ms${late ? ', aborted' : ''}`
  return { waiting: 'waits', aborted: 'gave up', timedOut: 'queue_timeout', closed: 'closed' }[fate as string] ?? fate
}

function usageOf(reference: ReferenceGate): object {
  const { guests, waits, limits, reclaimed, longestWaitMs, now } = reference
  const inAll = reference.having('held', 'quarantined').sort((a, b) => a.number - b.number)
  const named = (those: readonly Guest[]) => {
    const names = new Set(those.map(guest => guest.wanted.provider))
    return Object.fromEntries(
      Array.from(names, name => [name, counts(those.filter(one => one.wanted.provider === name))]),
    )
  }
  const section = (account: boolean) => {
    const those = guests.filter(guest => (guest.wanted.kind === 'account') === account)
    const mine = waits.filter(wait => wait.account === account).map(({ ms }) => ms)
    return {
      ...counts(those),
      entered: mine.length,
      timedOut: those.filter(guest => guest.fate === 'timedOut').length,
      meanWaitMs: mean(mine),
      sites: named(those),
    }
  }
  return {
    ...counts(guests),
    providers: named(guests),
    accounts: { ...section(true), quarantined: reference.having('quarantined').length },
    others: section(false),
    limits,
    holders: inAll.map(({ number, wanted: { provider, kind, subject }, takenAt, fate }) => {
      return { number, provider, kind, subject, heldMs: now - takenAt, state: fate }
    }),
    entered: waits.length,
    timedOut: guests.filter(guest => guest.fate === 'timedOut').length,
    reclaimed,
    longestWaitMs,
    meanWaitMs: mean(waits.map(({ ms }) => ms)),
  }
}

function counts(those: readonly Guest[]): { running: number; waiting: number } {
  const having = (fate: string) => those.filter(guest => guest.fate === fate).length
  return { running: having('held'), waiting: having('waiting') }
}

/** Of whole milliseconds, so that the order of summing does not matter. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function p95(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1] ?? 0
}

function expectNear(value: number, exact: number): void {
  expect(Math.abs(value - exact)).toBeLessThanOrEqual(0.011 + 0.008 * exact)
}

test('whatever happens, everybody is let in, refused and shown exactly as a plain reference says, and no slot leaks', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ steps, closes }) => {
      const scene = new Scene()
      for (const { action: one, pause } of steps) {
        await scene.advance(gridMs * pause + 1)
        if (one.type === 'ask') for (const request of one.those) scene.ask(request)
        else if (one.type === 'release') scene.release(one.which)
        else if (one.type === 'abort') scene.abort(one.which)
        else if (one.type === 'configure') {
          scene.reference.configure(one.limits)
          scene.gate.configure(one.limits)
        }
        await scene.advance(0)
        scene.check()
      }
      if (closes) {
        scene.reference.close()
        scene.gate.close()
        await scene.advance(0)
        scene.check()
      }
      // The longest wait, then the longest hold, then the longest quarantine.
      await scene.advance(20_000 + 20_000 + 5000)
      scene.check()
      const nothing = { running: 0, waiting: 0, holders: [], accounts: { quarantined: 0 } }
      expect(scene.gate.usage()).toMatchObject(nothing)
    }),
    { numRuns: long ? 5000 : 250 },
  )
})
