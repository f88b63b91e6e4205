import assert from 'node:assert/strict'
import { type Claim, runLane, type TargetConnection } from '../sync/target.ts'
import {
  batchOf,
  change,
  element,
  type KnownAbilities,
  type PromiseTest,
  superseded,
  turns,
  unavailable,
} from './sync-target-scene.ts'

/** Transactions, positions, claims and their end. */
export function commitClauses(promise: PromiseTest, { compares, remembers, showsAtOnce }: KnownAbilities): void {
  const [a, b, c] = [element('a'), element('b'), element('c')]

  promise('a batch is there together with its position, which the next transaction sees', async scene => {
    const connection = await scene.begin()
    assert.equal(await savedOf(connection, 0), undefined)
    assert.equal(await write(connection, a, 'one'), 'one')
    assert.equal(await savedOf(connection, 0), 'one')
    await write(connection, b, 'it’s "two"\n\u{1f600}')
    assert.equal(await savedOf(connection, 0), 'it’s "two"\n\u{1f600}')
    await scene.holds(connection, a, b)
  })

  promise('work that throws leaves neither its batch nor its position', async scene => {
    const connection = await scene.begin()
    await write(connection, a, 'one')
    const reason = new Error('enough')
    const failing = connection.transaction(0, async transaction => {
      const attributes = [change('a', { value: 2 })]
      await transaction.apply(batchOf({ elements: [b], attributes }))
      await transaction.save(0, 'two')
      await transaction.deadLetters('run', [{ kind: 'element', key: 'x', reason: 'It is one.' }])
      throw reason
    })
    await assert.rejects(failing, error => error === reason)
    assert.equal(await savedOf(connection, 0), 'one')
    await write(connection, c, 'three')
    await scene.holds(connection, a, c)
    assert.deepEqual(await connection.readDeadLetters(undefined, 10), [])
  })

  promise('the transactions of a lane come one after the other', async scene => {
    const connection = await scene.begin()
    const count = () =>
      connection.transaction(0, async (transaction, saved = '0') => {
        await turns()
        await transaction.save(0, String(Number(saved) + 1))
      })
    await Promise.all([count(), count(), count(), count()])
    assert.equal(await savedOf(connection, 0), '4')
  })

  promise('lanes have positions of their own', async scene => {
    const connection = await scene.begin('plant', 3)
    const lanes = [runLane, 0, 1, 2]
    await Promise.all(lanes.map(lane => connection.transaction(lane, work => work.save(lane, `at ${lane}`))))
    for (const lane of lanes) assert.equal(await savedOf(connection, lane), `at ${lane}`)
    assert.deepEqual(lanesOf(await connection.saved()), ['-1 at -1', '0 at 0', '1 at 1', '2 at 2'])
    await connection.transaction(runLane, work => work.makeLanes(2))
    for (const lane of [0, 1]) assert.equal(await savedOf(connection, lane), undefined)
  })

  promise('closing twice is fine, and everything is refused afterwards', async scene => {
    const connection = await scene.begin()
    await connection.close()
    await connection.close()
    const asked: (() => Promise<unknown>)[] = [
      () => connection.claim(),
      () => write(connection, a, 'one'),
      () => connection.ownElements(undefined, 1),
      () => connection.ownRelations(undefined, 1),
      () => connection.staged(undefined, 1),
      () => connection.ownerLinks(undefined, 1),
      () => connection.saved(),
      () => connection.readDeadLetters(undefined, 1),
      () => connection.countOwn(),
      () => connection.settle(),
    ]
    for (const ask of asked) await assert.rejects(ask(), unavailable, String(ask))
    const next = await scene.begin()
    await write(next, b, 'two')
    await scene.holds(next, b)
  })

  promise('closing rolls back what is under way', async scene => {
    const connection = await scene.begin()
    if (remembers) await write(connection, a, 'one')
    let closing: Promise<void> | undefined
    const working = connection.transaction(0, async transaction => {
      await transaction.apply(batchOf({ elements: [b] }))
      await transaction.save(0, 'two')
      closing ??= connection.close()
      await turns()
    })
    await assert.rejects(working, unavailable)
    await closing
    const next = await scene.open()
    const { saved } = await next.claim()
    assert.equal(saved.get(0), remembers ? 'one' : undefined)
    await scene.holds(next, ...(remembers ? [a] : []))
  })

  if (compares && showsAtOnce)
    promise('a transaction sees what it has written; others do when it has committed', async scene => {
      const connection = await scene.begin()
      await write(connection, a, 'one')
      await connection.transaction(runLane, async transaction => {
        await transaction.apply(batchOf({ elements: [b], deletedElements: ['a'] }))
        assert.equal(await transaction.countElementsIn({}), 1)
        assert.deepEqual(
          (await transaction.ownElementsIn({})).map(({ id }) => id),
          ['b'],
        )
        await scene.holds(connection, a)
      })
      await scene.holds(connection, b)
    })

  if (remembers) claimClauses(promise)
}

function claimClauses(promise: PromiseTest): void {
  const [a, b] = [element('a'), element('b')]

  promise('what was saved is there after a restart', async scene => {
    const first = await scene.open()
    assert.deepEqual(lanesOf(await first.saved()), [])
    const { epoch, saved } = await first.claim()
    assert.deepEqual(lanesOf(saved), [])
    await first.transaction(runLane, async transaction => {
      await transaction.makeLanes(2)
      await transaction.save(runLane, 'run')
    })
    await write(first, a, 'one')
    await first.close()
    const next = await scene.open()
    assert.deepEqual(lanesOf(await next.saved()), ['-1 run', '0 one'])
    const claim = await next.claim()
    assert.deepEqual(lanesOf(claim.saved), ['-1 run', '0 one'])
    assert.ok(claim.epoch > epoch, 'the epoch grows')
    assert.equal(await savedOf(next, 0), 'one')
    await scene.holds(next, a)
  })

  promise('new lanes are empty; the run’s own row stays, and of former lanes nothing does', async scene => {
    const connection = await scene.begin('plant', 3)
    for (const lane of [runLane, 0, 2]) await connection.transaction(lane, work => work.save(lane, `at ${lane}`))
    await connection.transaction(runLane, work => work.makeLanes(2))
    assert.deepEqual(lanesOf(await connection.saved()), ['-1 at -1'])
    await assert.rejects(savedOf(connection, 2), superseded)
    assert.equal(await savedOf(connection, 1), undefined)
  })

  promise('who claims supersedes: whoever claimed before writes nothing more', async scene => {
    const [first, second] = [await scene.begin(), await scene.open()]
    await write(first, a, 'one')
    const claim = await second.claim()
    assert.equal(claim.saved.get(0), 'one')
    for (const lane of [0, runLane]) await assert.rejects(write(first, b, 'two', lane), superseded)
    assert.equal(await savedOf(second, 0), 'one')
    await scene.holds(second, a)
    const again = await first.claim()
    assert.ok(again.epoch > claim.epoch, 'the epoch grows')
    await write(first, b, 'two')
    await assert.rejects(write(second, element('c'), 'three'), superseded)
    await scene.holds(first, a, b)
  })

  promise('who is superseded in the middle of a transaction comes first, or not at all', async scene => {
    const [first, second] = [await scene.begin(), await scene.open()]
    await write(first, a, 'one')
    let claiming: Promise<Claim> | undefined
    const working = first.transaction(0, async transaction => {
      await transaction.apply(batchOf({ elements: [b] }))
      claiming ??= second.claim()
      await turns()
      await transaction.save(0, 'two')
    })
    const isFirst = await working.then(
      () => true,
      error => {
        assert.ok(superseded(error), `superseded, not ${error}`)
        return false
      },
    )
    const { saved } = await claiming!
    assert.equal(saved.get(0), isFirst ? 'two' : 'one')
    await scene.holds(second, ...(isFirst ? [a, b] : [a]))
    await assert.rejects(write(first, element('c'), 'three'), superseded)
  })
}

/** In one transaction; returns the position. */
function write(connection: TargetConnection, record: ReturnType<typeof element>, position: string, lane = 0) {
  return connection.transaction(lane, async transaction => {
    await transaction.apply(batchOf({ elements: [record] }))
    await transaction.save(lane, position)
    return position
  })
}

function savedOf(connection: TargetConnection, lane: number): Promise<string | undefined> {
  return connection.transaction(lane, async (_, saved) => saved)
}

/** Of those that hold something. */
function lanesOf(saved: Claim['saved']): string[] {
  return [...saved].flatMap(([lane, text]) => (text ? `${lane} ${text}` : [])).sort()
}
