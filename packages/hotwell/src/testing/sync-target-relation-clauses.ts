import assert from 'node:assert/strict'
import { runLane, type TargetConnection } from '../sync/target.ts'
import { apply, came, element, ownEdges, type PromiseTest, relation } from './sync-target-scene.ts'

/** Relations whose ends are there, and those that wait for one. */
export function relationClauses(promise: PromiseTest): void {
  const [a, b, c] = [element('a'), element('b'), element('c')]
  const all = [relation('a', 'b'), relation('b', 'a'), relation('b', 'c'), relation('c', 'c')]

  promise('a relation waits for its ends, whichever comes first, and is there when both are', async scene => {
    for (const order of [
      [a, b, c],
      [c, b, a],
      [b, c, a],
    ]) {
      const sync = order.map(({ id }) => id).join('')
      const connection = await scene.begin(sync)
      came(await apply(connection, { relations: all }), { inserted: 4, pending: 4 })
      await scene.holds(connection)
      assert.equal(await promote(connection), 0)
      const there = new Set<string>()
      for (const one of order) {
        came(await apply(connection, { elements: [one] }), { inserted: 1 })
        there.add(one.id)
        await promote(connection)
        const whole = all.filter(({ from, to }) => there.has(from) && there.has(to))
        await scene.holds(connection, ...order.filter(({ id }) => there.has(id)), ...whole)
        const edges = all.map(edge => `${edge.from} feeds ${edge.to}${whole.includes(edge) ? '' : ' …'}`)
        assert.deepEqual(await ownEdges(connection), edges)
      }
      assert.equal(await promote(connection), 0)
      came(await apply(connection, { relations: all }), { unchanged: 4 })
      came(await apply(connection, { deletedElements: ['a', 'b', 'c'] }), { deleted: 7 })
    }
  })

  promise('how many have got their ends is told', async scene => {
    const connection = await scene.begin()
    await apply(connection, { elements: [a], relations: all })
    await apply(connection, { elements: [b] })
    assert.equal(await promote(connection), 2)
    await apply(connection, { elements: [c] })
    assert.equal(await promote(connection), 2)
  })

  promise('with its ends in the same batch it need not wait', async scene => {
    const connection = await scene.begin()
    came(await apply(connection, { elements: [c, a, b], relations: all }), { inserted: 7 })
    await scene.holds(connection, a, b, c, ...all)
    assert.equal(await connection.countOwn(), 7)
  })

  promise(
    'one that waits is unchanged when it comes again, and is there when it comes behind its ends',
    async scene => {
      const connection = await scene.begin()
      const [edge] = all
      came(await apply(connection, { elements: [a], relations: [edge!] }), { inserted: 2, pending: 1 })
      came(await apply(connection, { relations: [edge!] }), { unchanged: 1, pending: 1 })
      assert.equal(await connection.countOwn(), 2)
      came(await apply(connection, { elements: [b], relations: [edge!] }), { inserted: 1, unchanged: 1 })
      await scene.holds(connection, a, b, edge!)
      assert.equal(await connection.countOwn(), 3)
      assert.equal(await promote(connection), 0)
    },
  )

  promise('one that is deleted is gone, also while it waits', async scene => {
    const connection = await scene.begin()
    await apply(connection, { elements: [a, b], relations: [...all, relation('a', 'b', 'heats')] })
    const deletedRelations = [relation('a', 'b'), relation('b', 'c'), relation('a', 'b', 'never')]
    came(await apply(connection, { deletedRelations }), { deleted: 2 })
    came(await apply(connection, { deletedRelations }), {})
    came(await apply(connection, { elements: [c] }), { inserted: 1 })
    await promote(connection)
    await scene.holds(connection, a, b, c, relation('b', 'a'), relation('c', 'c'), relation('a', 'b', 'heats'))
  })
}

function promote(connection: TargetConnection): Promise<number> {
  return connection.transaction(runLane, transaction => transaction.promotePending())
}
