import { describe, expect, test } from 'vitest'
import { createExecutor, type ExecutorOptions } from '../../src/concurrency/executor.ts'
import { HotwellError } from '../../src/core/errors.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'

function scene(options: ExecutorOptions = {}) {
  const clock = new FakeClock()
  const backoff = { jitter: 'none' } as const
  return { clock, executor: createExecutor({ concurrency: 2, clock, backoff, ...options }) }
}

/** A task that ends when it is told to. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const signals: AbortSignal[] = []
  const task = ({ signal }: { signal: AbortSignal }) => {
    signals.push(signal)
    return promise
  }
  return { task, resolve, reject, signals }
}

const limited = (retryAfterMs?: number) => new HotwellError('rate_limited', 'Too many.', { retryAfterMs })

describe('the executor', () => {
  test('begins at once what has room, and the rest in the order in which it came', async () => {
    const { executor } = scene()
    const tasks = [held(), held(), held(), held()]
    const results = tasks.map(({ task }) => executor.run(task))
    const begun = () => tasks.map(({ signals }) => signals.length)
    expect(begun()).toEqual([1, 1, 0, 0])
    expect(executor.statistics()).toMatchObject({ inFlight: 2, limit: 2, queued: 2 })
    tasks[1]!.resolve('second')
    expect(await results[1]).toBe('second')
    expect(begun()).toEqual([1, 1, 1, 0])
    for (const each of tasks) each.resolve('')
    await Promise.all(results)
    expect(executor.statistics()).toMatchObject({ inFlight: 0, queued: 0, succeeded: 4, failed: 0 })
  })

  test('a full queue accepts nothing and says how to help it', async () => {
    const { executor } = scene({ concurrency: 1, queueLimit: 1 })
    const running = held()
    const first = executor.run(running.task)
    const second = executor.run(() => 'second')
    await expect(executor.run(() => 'third')).rejects.toMatchObject({
      code: 'queue_full',
      retryable: true,
      details: { queueLimit: 1 },
    })
    expect(executor.statistics().refused).toBe(1)
    running.resolve('first')
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
  })

  test('tries again after 1, 2 and 4 seconds, then passes on the last error; nobody waits for the pause', async () => {
    const { clock, executor } = scene({ concurrency: 1 })
    const instants: number[] = []
    const result = executor.run(({ attempt }) => {
      instants.push(clock.monotonic())
      throw new Error(`attempt ${attempt}`)
    })
    result.catch(() => {})
    await clock.advance(500)
    expect(await executor.run(() => 'meanwhile')).toBe('meanwhile')
    await clock.advance(10_000)
    await expect(result).rejects.toThrow('attempt 4')
    expect(instants.map(at => at - instants[0]!)).toEqual([0, 1000, 3000, 7000])
    expect(executor.statistics()).toMatchObject({ retries: 3, failed: 1, succeeded: 1 })
  })

  test('an error that says that another attempt is of no use gets none', async () => {
    const { executor } = scene()
    await expect(executor.run(() => Promise.reject(new HotwellError('invalid_request', 'Wrong.')))).rejects.toThrow()
    expect(executor.statistics()).toMatchObject({ retries: 0, outcomes: { failed: 1 } })
  })

  test('after a 429 nothing begins until its Retry-After is over', async () => {
    const { clock, executor } = scene({ concurrency: 10 })
    const first = executor.run(({ attempt }) => (attempt === 1 ? Promise.reject(limited(5000)) : 'first'))
    await clock.advance(0)
    const others = ['second', 'third'].map(name => executor.run(() => name))
    await clock.advance(4999)
    expect(executor.statistics()).toMatchObject({ inFlight: 0, queued: 2, pausing: 1 })
    await clock.advance(5000)
    expect(await Promise.all([first, ...others])).toEqual(['first', 'second', 'third'])
  })

  test('a documented quota is kept exactly', async () => {
    const { clock, executor } = scene({ concurrency: 100, quota: { perSecond: 10, burst: 2 } })
    const instants: number[] = []
    for (let count = 0; count < 22; count++) void executor.run(() => instants.push(clock.monotonic()))
    await clock.advance(2001)
    expect(instants).toHaveLength(22)
    expect(instants[21]! - instants[0]!).toBeGreaterThan(1999)
  })

  test('who is aborted in the queue or in a pause is not begun any more', async () => {
    const { clock, executor } = scene({ concurrency: 1 })
    const reason = new Error('enough')
    const running = held()
    const first = executor.run(running.task)
    const queued = new AbortController()
    const second = executor.run(() => expect.unreachable(), { signal: queued.signal })
    queued.abort(reason)
    await expect(second).rejects.toBe(reason)
    running.resolve('')
    await first
    const pausing = new AbortController()
    let attempts = 0
    const third = executor.run(
      () => {
        attempts++
        throw new Error('again')
      },
      { signal: pausing.signal },
    )
    third.catch(() => {})
    await clock.advance(10)
    pausing.abort(reason)
    await expect(third).rejects.toBe(reason)
    await clock.advance(60_000)
    expect(attempts).toBe(1)
    await expect(executor.run(() => '', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('who is aborted while it runs is told, keeps its slot until it ends, and is not tried again', async () => {
    const { clock, executor } = scene({ concurrency: 1 })
    const reason = new Error('enough')
    const controller = new AbortController()
    const running = held()
    const result = executor.run(running.task, { signal: controller.signal })
    result.catch(() => {})
    controller.abort(reason)
    expect(running.signals[0]!.reason).toBe(reason)
    await clock.advance(1000)
    expect(executor.statistics().inFlight).toBe(1)
    running.reject(new Error('interrupted'))
    await expect(result).rejects.toBe(reason)
    expect(executor.statistics()).toMatchObject({ inFlight: 0, pausing: 0, failed: 0 })
  })

  test('an attempt that takes too long is aborted, and what it does later changes nothing', async () => {
    const { clock, executor } = scene({ concurrency: 1, attemptTimeoutSeconds: 2, retries: 0 })
    const slow = held()
    const result = executor.run(slow.task)
    result.catch(() => {})
    await clock.advance(2000)
    await expect(result).rejects.toMatchObject({ code: 'timeout' })
    expect(slow.signals[0]!.aborted).toBe(true)
    slow.resolve('too late')
    await clock.advance(0)
    expect(executor.statistics()).toMatchObject({ inFlight: 0, failed: 1, outcomes: { overloaded: 1, ok: 0 } })
  })

  test('closing refuses what comes and finishes what was accepted, pauses included', async () => {
    const { clock, executor } = scene({ concurrency: 1 })
    const accepted = executor.run(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('again')) : 'done'))
    const closing = executor.close()
    await expect(executor.run(() => '')).rejects.toMatchObject({ code: 'closed' })
    await clock.advance(1000)
    await closing
    expect(await accepted).toBe('done')
  })

  test('closing with a signal ends it when that aborts', async () => {
    const { executor } = scene({ concurrency: 1 })
    const running = held()
    const results = [executor.run(running.task), executor.run(() => 'queued')]
    const controller = new AbortController()
    const closing = executor.close({ signal: controller.signal })
    controller.abort()
    expect(running.signals[0]!.aborted).toBe(true)
    running.reject(new Error('interrupted'))
    const settled = await Promise.allSettled(results)
    expect(settled).toMatchObject([{ reason: { code: 'closed' } }, { reason: { code: 'closed' } }])
    await closing
  })

  test('tells once when too many attempts go wrong, and once when that is over', async () => {
    const told: [boolean, number][] = []
    const onChange = (isHigh: boolean, rate: number) => void told.push([isHigh, rate])
    const { clock, executor } = scene({ retries: 0, queueLimit: 1000, errorRate: { onChange } })
    const run = (count: number, task: () => unknown) =>
      Promise.allSettled(Array.from({ length: count }, () => executor.run(task)))
    await run(19, () => Promise.reject(new Error('one of few')))
    expect(told).toEqual([])
    await run(10, () => Promise.reject(new Error('one of many')))
    expect(told).toEqual([[true, 1]])
    await clock.advance(61_000)
    await run(100, () => 'fine')
    expect(told).toEqual([
      [true, 1],
      [false, 0],
    ])
  })

  test('a value that is a 429 is tried again, and passed on when it stays one', async () => {
    const { clock, executor } = scene({ retries: 1 })
    const result = executor.run(() => new Response('', { status: 429 }))
    await clock.advance(60_000)
    expect((await result).status).toBe(429)
    expect(executor.statistics().outcomes).toEqual({ ok: 0, rate_limited: 2, overloaded: 0, failed: 0 })
  })

  test('counts latencies and throughput of the attempts that did their work', async () => {
    const { clock, executor } = scene({ concurrency: 1 })
    for (let count = 0; count < 10; count++) {
      const task = held()
      const result = executor.run(task.task)
      await clock.advance(200)
      task.resolve('')
      await result
    }
    const { latencyMs, perSecond, errorRate } = executor.statistics()
    expect(latencyMs).toEqual({ mean: 200, p50: 200, p95: 200, p99: 200 })
    expect(perSecond).toBeCloseTo(5, 5)
    expect(errorRate).toBe(0)
  })

  test.each<[ExecutorOptions, string]>([
    [{ concurrency: 0 }, 'executor.concurrency'],
    [{ concurrency: 'fast' as never }, 'executor.concurrency'],
    [{ concurrency: { rule: 'gradient', least: 5, most: 4 } }, 'executor.concurrency.most'],
    [{ concurrency: { rule: 'gradient', start: 5, most: 4 } }, 'executor.concurrency.start'],
    [{ concurrency: { rule: 'gradient', noiseTolerance: -1 } }, 'executor.concurrency.noiseTolerance'],
    [{ queueLimit: 0 }, 'executor.queueLimit'],
    [{ retries: -1 }, 'executor.retries'],
    [{ attemptTimeoutSeconds: 0 }, 'executor.attemptTimeoutSeconds'],
    [{ quota: { perSecond: 0 } }, 'quota.perSecond'],
  ])('a wrong option is refused by its name: %j', (options, field) => {
    expect(() => createExecutor(options)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration', details: { field } }),
    )
  })
})
