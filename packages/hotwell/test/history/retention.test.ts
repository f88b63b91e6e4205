import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { record } from './records.ts'
import { countOf, eventually, read, temporaryHistory, temporaryPath } from './temporary.ts'

const dayMs = 86_400_000

test('records older than thirty days are deleted, younger ones stay', async () => {
  const clock = new FakeClock()
  const path = temporaryPath()
  const history = temporaryHistory({ path, clock })
  const edge = clock.now() - 30 * dayMs
  for (let i = 0; i < 2500; i++) history.record(record({ finishedAt: edge - 1 - i }))
  const kept = [record({ finishedAt: edge }), record({ finishedAt: clock.now() })]
  for (const one of kept) history.record(one)
  const flushed = history.flush()
  await clock.advance(0)
  await flushed
  expect(await history.purge()).toBe(2500)
  expect(read<{ id: string }>(path, 'SELECT id FROM acquisitions ORDER BY finished_at').map(row => row.id)).toEqual(
    kept.map(one => one.id),
  )
})

test('it happens by itself, every hour', async () => {
  const clock = new FakeClock()
  const path = temporaryPath()
  const history = temporaryHistory({ path, clock, retentionDays: 1, flushRecords: 1 })
  for (let round = 0; round < 3; round++) {
    history.record(record({ finishedAt: clock.now() - 2 * dayMs }))
    await clock.advance(0)
    await eventually(() => expect(history.written).toBe(round + 1))
    expect(countOf(path)).toBe(1)
    await clock.advance(3_600_000)
    await eventually(() => expect(countOf(path)).toBe(0))
  }
})
