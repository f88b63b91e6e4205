import { expect, test } from 'vitest'
import { HotwellError } from '../../src/core/errors.ts'
import { many, scene, statsOf } from './run-scene.ts'

test('a source that fails is asked again from where it was; its progress says why nothing moves', async () => {
  const { sync, source, target } = scene(many(40))
  let failures = 0
  source.beforePage = page => {
    if (page === 3 && failures++ < 7) throw new HotwellError('source_failed', 'The API is away.')
  }
  const waits: string[] = []
  const stats = await sync.run({ onProgress: ({ waitingFor }) => waitingFor && waits.push(waitingFor) })
  expect(stats).toMatchObject({ total: 40, inserted: 40 })
  expect(waits[0]).toBe('The API is away.')
  expect(target.tables.elements.size).toBe(40)
  expect(source.requests.map(({ after }) => after).slice(0, 3)).toEqual([undefined, '8', '16'])
})

test('a source that fails for too long ends the run, which says what it had done', async () => {
  const { sync, source } = scene(many(40))
  source.beforePage = () => {
    throw new HotwellError('source_failed', 'The API is away.')
  }
  const error = await sync.run().catch(error => error)
  expect(error).toMatchObject({ code: 'source_failed', message: 'The API is away.' })
  expect(statsOf(error)).toMatchObject({ state: 'failed', total: 0 })
})

test('a source with small pages that fails at every second one gets to its end all the same, and reads no page twice', async () => {
  const { sync, source, target } = scene(many(60), { strategy: { batchSize: 100 } })
  let [pages, failures] = [0, 0]
  const read = source.read.bind(source)
  source.read = request => read({ ...request, pageRecords: 5 })
  source.beforePage = () => {
    if (++pages % 2 === 0 && ++failures) throw new HotwellError('source_failed', 'Not now.')
  }
  expect(await sync.run()).toMatchObject({ total: 60, inserted: 60 })
  expect(failures).toBeGreaterThan(8)
  expect(pages - failures, 'each page once').toBe(12)
  expect(target.tables.elements.size).toBe(60)
})

test('a position that the source does not know any more begins a new reading in the same run', async () => {
  const { sync, source, target } = scene(many(20))
  let lost = 0
  source.beforePage = page => {
    if (page === 3 && lost++ === 0) throw new HotwellError('position_lost', 'The cursor has expired.')
  }
  expect(await sync.run()).toMatchObject({ state: 'completed', total: 20, unchanged: 8, inserted: 12 })
  expect(target.tables.elements.size).toBe(20)
})

test('a run that was ended goes on where it was; what a session knew is read anew', async () => {
  for (const cursors of ['durable', 'session'] as const) {
    const { open, source, target } = scene(many(40))
    source.cursors = cursors
    const ending = new AbortController()
    source.beforePage = page => {
      if (page === 6) ending.abort(new Error('enough'))
    }
    await expect(open().run({ signal: ending.signal })).rejects.toThrow('enough')
    const written = target.tables.elements.size
    expect(written).toBeGreaterThan(0)
    source.beforePage = () => {}
    const stats = await open().run()
    expect(stats).toMatchObject({ resumed: cursors === 'durable', total: 40 })
    expect(target.tables.elements.size).toBe(40)
    const again = source.requests.at(-1)!.after
    if (cursors === 'durable') expect(Number(again)).toBe(written)
    else expect(again).toBeUndefined()
  }
})

test('paused, it writes what it has and reads no more; resumed, it goes on', async () => {
  const { sync, source, target } = scene(many(40), { strategy: { batchSize: 4 } })
  const paused = Promise.withResolvers<void>()
  source.beforePage = page => {
    if (page !== 4) return
    sync.pause()
    paused.resolve()
  }
  const running = sync.run()
  await paused.promise
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(target.tables.elements.size).toBe(12)
  sync.resume()
  expect(await running).toMatchObject({ inserted: 40 })
})

test('one run at a time; after closing none', async () => {
  const { sync, source } = scene(many(4))
  const running = sync.run()
  await expect(sync.run()).rejects.toMatchObject({ code: 'conflict' })
  await running
  await sync.close()
  await sync.close()
  expect(source.closed).toBeGreaterThan(0)
  await expect(sync.run()).rejects.toMatchObject({ code: 'closed' })
})
