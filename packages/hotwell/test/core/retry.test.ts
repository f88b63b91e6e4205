import { HotwellError, retry } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

const still = { jitter: 'none' } as const

function failing(times: number, error: unknown = new Error('not yet')) {
  const clock = new FakeClock()
  const startedAt = clock.monotonic()
  const tries: number[] = []
  const operation = async (attempt: number) => {
    tries.push(clock.monotonic() - startedAt)
    if (attempt <= times) throw error
    return `after ${attempt}`
  }
  return { clock, operation, tries }
}

test('it is tried again after growing pauses until it succeeds', async () => {
  const { clock, operation, tries } = failing(2)
  const delays: number[] = []
  const result = retry(operation, { clock, backoff: still, onRetry: ({ delayMs }) => delays.push(delayMs) })
  await clock.advance(10_000)
  expect(await result).toBe('after 3')
  expect(tries).toEqual([0, 1000, 3000])
  expect(delays).toEqual([1000, 2000])
})

test('after the last attempt its own error is thrown', async () => {
  const { clock, operation, tries } = failing(5)
  const result = expect(retry(operation, { clock, attempts: 2 })).rejects.toThrow('not yet')
  await clock.advance(10_000)
  await result
  expect(tries).toHaveLength(2)
})

test('an error that no attempt can mend ends it at once', async () => {
  const rejected = failing(1, new HotwellError('credentials_rejected', 'wrong secret'))
  await expect(retry(rejected.operation, rejected)).rejects.toMatchObject({ code: 'credentials_rejected' })
  const own = failing(1)
  await expect(retry(own.operation, { ...own, retryable: () => false })).rejects.toThrow('not yet')
})

test('a server that says when to come back is not asked sooner', async () => {
  const { clock, operation, tries } = failing(1, new HotwellError('rate_limited', 'slow', { retryAfterMs: 30_000 }))
  const result = retry(operation, { clock, backoff: still })
  await clock.advance(60_000)
  await result
  expect(tries).toEqual([0, 30_000])
})

test('an abort ends the pause with the caller’s reason', async () => {
  const { clock, operation, tries } = failing(5)
  const caller = new AbortController()
  const result = retry(operation, { clock, signal: caller.signal })
  await clock.advance(100)
  caller.abort(new Error('enough'))
  await expect(result).rejects.toThrow('enough')
  await expect(retry(operation, { clock, signal: caller.signal })).rejects.toThrow('enough')
  expect(tries).toHaveLength(1)
  expect(clock.pending).toBe(0)
})
