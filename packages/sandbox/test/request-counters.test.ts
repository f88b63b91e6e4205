import { expect, test } from 'vitest'
import { RequestCounters } from '../src/request-counters.ts'

test('names that nobody foresaw cannot fill the memory: beyond 200 they count as other', () => {
  const counters = new RequestCounters()
  for (let i = 0; i < 1000; i++) counters.arrived(`/scan/${i}`)(404)
  counters.arrived('/scan/0')(404)
  expect(Object.keys(counters.byPath)).toHaveLength(201)
  expect(counters.byPath).toMatchObject({ '/scan/0': 2, other: 800 })
  expect([counters.total, counters.byStatus]).toEqual([1001, { 404: 1001 }])
})

test('a reset forgets what was, not what is in flight', () => {
  const counters = new RequestCounters()
  const done = counters.arrived('/a')
  counters.arrived('/b')(200)
  counters.reset()
  expect([counters.total, counters.inFlight, counters.peakInFlight, counters.byPath]).toEqual([0, 1, 1, {}])
  done(200)
  expect([counters.inFlight, counters.byStatus]).toEqual([0, { 200: 1 }])
})
