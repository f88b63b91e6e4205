import { expect, test } from 'vitest'
import { KeptConnection } from '../../src/sync/engine/kept-connection.ts'
import type { TargetConnection } from '../../src/sync/target.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'

/** Connections whose closing goes on until the test ends it. */
function scene(keptMs: number) {
  const clock = new FakeClock()
  const closing = Promise.withResolvers<void>()
  const opened: TargetConnection[] = []
  const kept = new KeptConnection(clock, keptMs, async () => {
    const connection = await new MemoryTarget().connect('plant')
    opened.push(connection)
    return Object.assign(connection, { close: () => closing.promise })
  })
  return { clock, kept, opened, end: closing.resolve, fail: closing.reject }
}

test('whoever closes waits for a connection that is being closed because its time had come', async () => {
  const { clock, kept, end } = scene(100)
  await kept.take()
  await kept.leave()
  await clock.advance(100)
  let isClosed = false
  const closed = kept.close().then(() => (isClosed = true))
  await clock.advance(1000)
  expect(isClosed).toBe(false)
  end()
  await closed
})

test('who comes before its time gets the same one, and later another one, without waiting for the former', async () => {
  const { clock, kept, opened } = scene(100)
  const first = await kept.take()
  await kept.leave()
  await clock.advance(99)
  expect(await kept.take()).toBe(first)
  await kept.leave()
  await clock.advance(100)
  expect(await kept.take()).not.toBe(first)
  expect(opened).toHaveLength(2)
})

test('with no time at all it is closed when it is left, which tells of a failure once', async () => {
  const { kept, fail } = scene(0)
  await kept.take()
  fail(new Error('It cannot be closed.'))
  await expect(kept.leave()).rejects.toThrow('It cannot be closed.')
  await kept.close()
})
