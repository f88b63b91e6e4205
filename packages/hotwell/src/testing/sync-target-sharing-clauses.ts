import assert from 'node:assert/strict'
import { runLane } from '../sync/target.ts'
import {
  apply,
  came,
  change,
  element,
  hashOf,
  ownEdges,
  ownIds,
  type PromiseTest,
  relation,
} from './sync-target-scene.ts'

/** Several syncs in one place. */
export function sharingClauses(promise: PromiseTest): void {
  const [a, b, c] = [element('a'), element('b'), element('c')]

  promise('what belongs to another sync is refused, and stays as it is', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    await apply(one, { elements: [a, b], relations: [relation('a', 'b'), relation('a', 'x')] })
    const written = await scene.subject.watch?.()
    const foreign = {
      elements: [element('a', { value: 2 }), b, c],
      relations: [relation('a', 'b'), relation('c', 'a')],
      deletedRelations: [relation('a', 'x')],
    }
    const refused = ['element a', 'element b', 'relation a feeds b']
    came(await apply(two, foreign), { inserted: 2, refused })
    came(await apply(two, foreign), { unchanged: 2, refused })
    came(await apply(two, { attributes: [change('a', { value: 3 })] }), { refused: ['attributes a'] })
    await two.transaction(runLane, transaction => transaction.forgetHashes(['a', 'b']))
    came(await apply(one, { elements: [a, b] }), { unchanged: 2 })
    came(await apply(two, { deletedElements: ['a', 'b'], deletedRelations: [relation('a', 'b')] }), {})
    if (written) assert.equal(await written(), 1)
    await scene.holds(one, a, b, c, relation('a', 'b'), relation('c', 'a'))
    assert.deepEqual(await ownEdges(one), ['a feeds b', 'a feeds x …'])
  })

  promise('each lists and counts its own, and a range counts all', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    await apply(one, { elements: [a, c, element('e')], relations: [relation('a', 'c'), relation('x', 'y')] })
    await apply(two, { elements: [b, element('d')], relations: [relation('b', 'd'), relation('x', 'y')] })
    assert.deepEqual(await ownIds(one, 2), ['a', 'c', 'e'])
    assert.deepEqual(await ownIds(two, 1), ['b', 'd'])
    assert.deepEqual(await ownEdges(one), ['a feeds c', 'x feeds y …'])
    assert.deepEqual(await ownEdges(two), ['b feeds d', 'x feeds y …'])
    assert.deepEqual([await one.countOwn(), await two.countOwn()], [5, 4])
    await one.transaction(runLane, async transaction => {
      const found = await transaction.ownElementsIn({ after: 'a', through: 'd' })
      assert.deepEqual(
        found.map(({ id }) => id),
        ['c'],
      )
      assert.equal(await transaction.countElementsIn({ after: 'a', through: 'd' }), 3)
    })
  })

  promise('positions, what was seen, what is staged and letters are each sync’s own', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    for (const connection of [one, two])
      await connection.transaction(0, async transaction => {
        await transaction.save(0, connection === one ? 'one' : 'two')
        await transaction.saveSeen(0, 0, new Uint8Array([connection === one ? 1 : 2]))
        await transaction.stage([{ kind: 'element', element: 'a', hash: 'none' }], 1, 0)
        await transaction.deadLetters('run', [{ kind: 'element', key: 'a', reason: 'It is one.' }])
        await transaction.cycles('run', [{ kind: 'cycle', key: 'a', reason: 'They go round.' }])
      })
    const { saved } = await two.claim()
    assert.equal(saved.get(0), 'two')
    await two.transaction(runLane, async transaction => {
      await transaction.makeLanes(1)
      await transaction.unstage({ before: 9 })
      await transaction.cycles('run', [])
    })
    assert.equal(await one.transaction(0, async (_, text) => text), 'one')
    const seen = await one.transaction(0, transaction => transaction.readSeen(undefined, 10))
    assert.deepEqual(
      seen.map(({ keys }) => [...keys]),
      [[1]],
    )
    assert.equal((await one.staged(undefined, 10)).length, 1)
    assert.equal((await one.readDeadLetters(undefined, 10)).length, 2)
    assert.deepEqual([await two.staged(undefined, 10), await two.readDeadLetters(undefined, 10)], [[], []])
  })

  promise('an element that goes makes the relations of others wait, until it comes back', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    await apply(one, { elements: [a, b], relations: [relation('a', 'b')] })
    came(await apply(two, { elements: [c], relations: [relation('c', 'a'), relation('b', 'c')] }), { inserted: 3 })
    came(await apply(one, { deletedElements: ['a'] }), { deleted: 2 })
    await scene.holds(one, b, c, relation('b', 'c'))
    assert.deepEqual(await ownEdges(two), ['b feeds c', 'c feeds a …'])
    assert.deepEqual(await ownEdges(one), [])
    const staged = { kind: 'element', element: 'b', hash: hashOf(b), firstPass: 1, lastPass: 1 } as const
    const deleted = await one.transaction(runLane, transaction => transaction.deleteStaged([staged]))
    assert.deepEqual({ ...deleted }, { elements: 1, relations: 0 })
    assert.deepEqual(await ownEdges(two), ['b feeds c …', 'c feeds a …'])
    await apply(one, { elements: [a, b] })
    assert.equal(await one.transaction(runLane, transaction => transaction.promotePending()), 0)
    assert.equal(await two.transaction(runLane, transaction => transaction.promotePending()), 2)
    await scene.holds(one, a, b, c, relation('b', 'c'), relation('c', 'a'))
  })

  promise('what is staged and belongs to another sync is not deleted', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    await apply(one, { elements: [a, b], relations: [relation('a', 'b')] })
    const passes = { firstPass: 1, lastPass: 1 }
    const staged = [
      { kind: 'element', element: 'a', hash: hashOf(a), ...passes },
      { kind: 'relation', relation: relation('a', 'b'), ...passes },
    ] as const
    await two.transaction(runLane, transaction => transaction.stage(staged, 1, 0))
    const deleted = await two.transaction(runLane, transaction => transaction.deleteStaged(staged))
    assert.deepEqual({ ...deleted }, { elements: 0, relations: 0 })
    assert.deepEqual(await two.staged(undefined, 10), [])
    await scene.holds(one, a, b, relation('a', 'b'))
  })

  promise('owners are named whosesoever elements name them; only one’s own elements have owners', async scene => {
    const [one, two] = [await scene.begin('one'), await scene.begin('two')]
    await apply(one, { elements: [a, element('b', {}, { ownerId: 'a' }), element('c', {}, { ownerId: 'b' })] })
    await apply(two, { elements: [element('d', {}, { ownerId: 'e' }), element('e', {}, { ownerId: 'b' })] })
    const linksOf = async (connection: typeof one) =>
      (await connection.ownerLinks(undefined, 10)).map(({ id, ownerId }) => `${id} ${ownerId}`)
    assert.deepEqual(await linksOf(one), ['a null', 'b a', 'e null'])
    assert.deepEqual(await linksOf(two), ['a null', 'b null', 'e b'])
  })
}
