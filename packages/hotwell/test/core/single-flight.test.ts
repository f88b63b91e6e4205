import { SingleFlight } from 'hotwell/core'
import { expect, test } from 'vitest'

test('a thousand callers at once share one attempt', async () => {
  const flights = new SingleFlight<string, object>()
  let started = 0
  const start = async () => {
    started++
    return {}
  }
  const values = await Promise.all(Array.from({ length: 1000 }, () => flights.run('key', start)))
  expect([started, new Set(values).size]).toEqual([1, 1])
})

test('keys fly apart, and a key flies again once it has landed', async () => {
  const flights = new SingleFlight<string, string>()
  expect(await Promise.all([flights.run('a', () => '1'), flights.run('b', () => '2')])).toEqual(['1', '2'])
  expect(flights.size).toBe(0)
  expect(await flights.run('a', () => '3')).toBe('3')
})

test('a failure is shared and not kept, also one that is thrown at once', async () => {
  const flights = new SingleFlight<string, string>()
  const fail = () => {
    throw new Error('no')
  }
  const outcomes = await Promise.allSettled([flights.run('a', fail), flights.run('a', () => 'never started')])
  expect(outcomes.map(outcome => outcome.status)).toEqual(['rejected', 'rejected'])
  expect(await flights.run('a', () => 'yes')).toBe('yes')
})

test('a flight clears only itself: one that was forgotten does not end its successor', async () => {
  const flights = new SingleFlight<string, string>()
  const landings: ((value: string) => void)[] = []
  const start = () => new Promise<string>(resolve => landings.push(resolve))
  const first = flights.run('a', start)
  flights.forget('a')
  const second = flights.run('a', start)
  await Promise.resolve()
  landings[0]!('old')
  expect(await first).toBe('old')
  expect(flights.run('a', start)).toBe(second)
  landings[1]!('new')
  expect(await second).toBe('new')
})

test('a flight that asks for its own key joins itself instead of starting another', async () => {
  const flights = new SingleFlight<string, string>()
  let started = 0
  const outer = flights.run('a', () => {
    started++
    void flights.run('a', () => 'inner')
    return 'outer'
  })
  expect(await outer).toBe('outer')
  expect(started).toBe(1)
})
