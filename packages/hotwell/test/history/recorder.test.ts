import fc from 'fast-check'
import { expect, test } from 'vitest'
import { silentLogger } from '../../src/core/logger.ts'
import type { AcquisitionRow } from '../../src/history/acquisition-row.ts'
import { Recorder } from '../../src/history/recorder.ts'
import { FakeClock, settled } from '../../src/testing/fake-clock.ts'
import { record } from './records.ts'

const maxBuffered = 50

type Answer = 'written' | 'failed' | 'answer lost'

/** A store whose every answer is given, or not given, by whoever asks: as slow and as broken as it likes. */
function brokenStore() {
  const written = new Set<unknown>()
  const open: ((answer: Answer) => void)[] = []
  let healthy = false
  const idsOf = (rows: readonly AcquisitionRow[]) => rows.map(row => row[0])
  return {
    written,
    answer(which: number, answer: Answer) {
      if (open.length > 0) open.splice(which % open.length, 1)[0]!(answer)
    },
    heal() {
      healthy = true
      for (const answer of open.splice(0)) answer('written')
    },
    write: (rows: readonly AcquisitionRow[]) =>
      new Promise<void>((resolve, reject) => {
        const answer = (given: Answer) => {
          if (given !== 'failed') for (const id of idsOf(rows)) written.add(id)
          if (given === 'written') resolve()
          else reject(new Error('the database is away'))
        }
        if (healthy) answer('written')
        else open.push(answer)
      }),
  }
}

interface Figures {
  recorded: number
  written: number
  buffered: number
  dropped: number
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('record' as const), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 12_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('answer' as const),
      which: fc.nat(5),
      answer: fc.constantFrom<Answer>('written', 'failed', 'answer lost'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('flush' as const) }) },
)

/** Whatever happens, in whatever order: each record is written, in memory, or counted as dropped. */
function accountsForEach(told: (figures: Figures) => Figures = figures => figures) {
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, closeAway) => {
      const clock = new FakeClock()
      const store = brokenStore()
      const recorder = new Recorder(store as never, clock, silentLogger, { maxBuffered, flushRecords: 10 })
      const ids: string[] = []
      const check = () => {
        const { written, buffered, dropped } = recorder
        const figures = told({ recorded: ids.length, written, buffered, dropped })
        expect(figures.written + figures.buffered + figures.dropped).toBe(figures.recorded)
        expect(figures.buffered).toBeLessThanOrEqual(maxBuffered)
      }
      for (const one of steps) {
        if (one.does === 'record')
          for (let i = 0; i < one.count; i++) {
            const made = record()
            ids.push(made.id)
            recorder.record(made)
            check()
          }
        else if (one.does === 'wait') await clock.advance(one.ms)
        else if (one.does === 'flush') void recorder.flush()
        else store.answer(one.which, one.answer)
        await settled()
        check()
      }
      if (!closeAway) store.heal()
      const closing = recorder.close()
      await clock.advance(60_000)
      await closing
      check()
      expect(recorder.buffered).toBe(0)
      // What was given up by closing is not counted again when its answer comes after all.
      store.heal()
      await settled()
      check()
      // Never fewer than were counted; more only where an answer was lost.
      expect(store.written.size).toBeGreaterThanOrEqual(recorder.written)
      if (!closeAway && recorder.dropped === 0) expect([...store.written].toSorted()).toEqual(ids.toSorted())
    }),
    { numRuns: process.env.HOTWELL_TEST_SCALE === 'long' ? 2000 : 150 },
  )
}

test('recorded = written + in memory + dropped, at every moment, however the database fails', async () => {
  await accountsForEach()
})

test('which would be noticed, were a drop not counted or a record counted twice', async () => {
  await expect(accountsForEach(figures => ({ ...figures, dropped: 0 }))).rejects.toThrow()
  await expect(accountsForEach(figures => ({ ...figures, written: figures.written * 2 }))).rejects.toThrow()
})

test('the oldest are dropped first, and what is left is written in the order in which it came', async () => {
  const clock = new FakeClock()
  const written: unknown[] = []
  const failing: (() => void)[] = []
  let away = true
  const store = {
    write: (batch: readonly AcquisitionRow[]) =>
      new Promise<void>((resolve, reject) => {
        if (away) return void failing.push(() => reject(new Error('the database is away')))
        written.push(...batch.map(row => row[0]))
        resolve()
      }),
  }
  const recorder = new Recorder(store as never, clock, silentLogger, { maxBuffered: 7000 })
  const ids = Array.from({ length: 9000 }, () => record()).map(one => {
    recorder.record(one)
    return one.id
  })
  await clock.advance(100)
  expect(failing.length, 'several batches are on their way').toBeGreaterThan(1)
  for (const fail of failing.splice(0)) fail()
  await settled()
  expect(recorder).toMatchObject({ written: 0, buffered: 7000, dropped: 2000 })
  away = false
  await clock.advance(10_000)
  expect(recorder).toMatchObject({ written: 7000, buffered: 0, dropped: 2000 })
  expect(written).toEqual(ids.slice(2000))
})
