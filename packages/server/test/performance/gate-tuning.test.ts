import { createGate } from 'hotwell/concurrency'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { GateTuning } from '../../src/performance/gate-tuning.ts'

function tuned(configured: object) {
  const gate = createGate({ clock: new FakeClock(), ...configured })
  const tokens = { gateUsage: () => gate.usage(), configureGate: gate.configure.bind(gate) }
  const tuning = new GateTuning(tokens, configured)
  /** As a reload does. */
  const reload = (changed: object) => {
    gate.configure(tuning.limitsWith(changed))
    tuning.configure(changed)
  }
  return { tuning, reload, limits: () => gate.usage().limits }
}

test('an applied change survives a reload with the same limits, also with other bounds, and is taken back after it', () => {
  const { tuning, reload, limits } = tuned({ maxConcurrentOther: 8 })
  const id = tuning.apply({ maxConcurrentOther: 4 })!
  reload({ maxConcurrentOther: 8, bounds: { maxConcurrentOther: { max: 10 } } })
  expect(limits().maxConcurrentOther).toBe(4)
  expect(tuning.bounds).toMatchObject({ maxConcurrentOther: { min: 1, max: 10 } })
  expect(tuning.undo(id)).toEqual({ maxConcurrentOther: 8 })
  expect(limits().maxConcurrentOther).toBe(8)
})

test('other limits of the configuration win over applied changes, which cannot be taken back any more', () => {
  const { tuning, reload, limits } = tuned({ maxConcurrentOther: 8 })
  const id = tuning.apply({ maxConcurrentOther: 4, maxConcurrentPerSite: 1 })!
  reload({ maxConcurrentOther: 6, maxConcurrentPerSite: 2 })
  expect(limits()).toMatchObject({ maxConcurrentOther: 6, maxConcurrentPerSite: 2 })
  expect(() => tuning.undo(id)).toThrow(expect.objectContaining({ code: 'not_found' }))
  expect(limits()).toMatchObject({ maxConcurrentOther: 6, maxConcurrentPerSite: 2 })
})

test('without bounds a limit may go up to four times the configured one, however often it was changed', () => {
  const { tuning, reload } = tuned({ maxConcurrentOther: 8 })
  expect(tuning.bounds).toMatchObject({ maxConcurrentOther: { min: 1, max: 32 }, maxConcurrentPerSite: { max: 8 } })
  tuning.apply({ maxConcurrentOther: 32 })
  expect(tuning.bounds).toMatchObject({ maxConcurrentOther: { min: 1, max: 32 } })
  reload({ maxConcurrentOther: 10, bounds: { maxConcurrentPerSite: { min: 20 } } })
  expect(tuning.bounds).toMatchObject({ maxConcurrentOther: { max: 40 }, maxConcurrentPerSite: { min: 20, max: 20 } })
})

test('limits that are in force already are no change', () => {
  const { tuning } = tuned({ maxConcurrentOther: 8 })
  expect(tuning.apply({ maxConcurrentOther: 8 })).toBeUndefined()
  expect(tuning.apply({})).toBeUndefined()
})
