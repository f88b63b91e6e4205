import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { BatchTransaction } from '../../../src/sync/batch/batch-transaction.ts'
import type { Element } from '../../../src/sync/model/record.ts'
import type { TargetConnection } from '../../../src/sync/target.ts'
import { sqlite } from '../../../src/sync/targets/sqlite.ts'
import { element, relation } from '../list-source.ts'

const cleanings: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const clean of cleanings.splice(0).reverse()) await clean()
})

async function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-batch-transaction-'))
  const path = join(folder, 'plant.db')
  cleanings.push(() => rmSync(folder, { recursive: true, force: true }))
  const open = async (name = 'by-hand') => {
    const connection = await sqlite(path).connect(name)
    cleanings.push(() => connection.close())
    return connection
  }
  const rows = (statement: string) => {
    const database = new DatabaseSync(path)
    try {
      return (database.prepare(statement).all() as { row: string }[]).map(({ row }) => row)
    } finally {
      database.close()
    }
  }
  const elements = () => rows(`select id || '=' || (attributes ->> 'value') as row from elements order by id`)
  const relations = () => rows(`select from_id || '→' || to_id as row from relations order by 1`)
  return { connection: await open(), open, elements, relations }
}

const put = (connection: TargetConnection, ...elements: object[]) =>
  elements.reduce<BatchTransaction>(
    (transaction, one) => transaction.put(one as Element),
    new BatchTransaction(connection),
  )

describe('a batch transaction', () => {
  test('writes elements, changes, relations and deletes, and says what it changed', async () => {
    const { connection, elements, relations } = await scene()
    const first = put(connection, element('a'), element('b'), element('c'), relation('a', 'b'), relation('b', 'c'))
    expect(await first.commit()).toMatchObject({ inserted: 5, updated: 0, deleted: 0 })
    const second = new BatchTransaction(connection)
      .changeAttributes('a', { value: 7 })
      .put(element('d', 4) as Element)
      .deleteElement('c')
      .deleteRelation(relation('a', 'b'))
    expect(await second.commit()).toMatchObject({ inserted: 1, updated: 1, deleted: 3 })
    expect([elements(), relations()]).toEqual([['a=7', 'b=1', 'd=4'], []])
  })

  test('nothing is at the target before the commit, and after a rollback never', async () => {
    const { connection, elements } = await scene()
    const transaction = put(connection, element('a'))
    expect(elements()).toEqual([])
    transaction.rollback()
    await put(connection, element('b')).commit()
    expect(elements()).toEqual(['b=1'])
  })

  test('when one record is refused nothing is committed, and all that are refused are named', async () => {
    const { connection, open, elements, relations } = await scene()
    await put(await open('other'), element('x'), element('y')).commit()
    const transaction = put(connection, element('a'), element('x', 2), element('y', 2), relation('a', 'a'))
    const error = await transaction.commit().catch(error => error)
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('"other"') })
    expect(error.details.refused.map(({ key }: { key: string }) => key)).toEqual(['x', 'y'])
    expect([elements(), relations()]).toEqual([['x=1', 'y=1'], []])
    const unknown = put(connection, element('a')).changeAttributes('nowhere', { value: 1 })
    await expect(unknown.commit()).rejects.toMatchObject({ code: 'conflict' })
    expect(elements()).toEqual(['x=1', 'y=1'])
  })

  test('a transaction that was used up says so, whatever one does with it', async () => {
    const { connection } = await scene()
    const committed = put(connection, element('a'))
    const committing = committed.commit()
    await expect(committed.commit()).rejects.toMatchObject({ code: 'conflict' })
    await committing
    const rolledBack = put(connection, element('b'))
    rolledBack.rollback()
    for (const used of [committed, rolledBack]) {
      const conflict = expect.objectContaining({ code: 'conflict', message: expect.stringContaining('Make another') })
      await expect(used.commit()).rejects.toEqual(conflict)
      expect(() => used.rollback()).toThrow(conflict)
      expect(() => used.put(element('c') as Element)).toThrow(conflict)
    }
  })

  test('a commit that failed of the target may be tried again, and takes nothing more', async () => {
    const { connection, elements } = await scene()
    let isAway = true
    const failing: TargetConnection = {
      ...connection,
      claim: () => connection.claim(),
      transaction: (lane, work) =>
        connection.transaction(lane, async (transaction, saved) => {
          const result = await work(transaction, saved)
          if (isAway) throw new Error('the disk is gone')
          return result
        }),
    }
    const transaction = put(failing, element('a'), element('b'))
    await expect(transaction.commit()).rejects.toThrow('the disk is gone')
    expect(elements()).toEqual([])
    expect(() => transaction.put(element('c') as Element)).toThrow('failed to commit')
    isAway = false
    expect(await transaction.commit()).toMatchObject({ inserted: 2 })
    expect(elements()).toEqual(['a=1', 'b=1'])
  })

  test('of several records for one id the last one wins, and changes are merged', async () => {
    const { connection, elements } = await scene()
    await put(connection, element('a', 1), element('b', 1), element('a', 2))
      .changeAttributes('b', { value: 3 })
      .commit()
    expect(elements()).toEqual(['a=2', 'b=3'])
  })

  test('a relation waits for its end, and is there when a later transaction brings that', async () => {
    const { connection, relations } = await scene()
    expect(await put(connection, element('a'), relation('a', 'b')).commit()).toMatchObject({ pending: 1 })
    expect(relations()).toEqual([])
    expect(await put(connection, element('b')).commit()).toMatchObject({ promoted: 1 })
    expect(relations()).toEqual(['a→b'])
  })

  test('what no target can take is refused at once, by its id', async () => {
    const { connection } = await scene()
    const transaction = new BatchTransaction(connection)
    const refused = (given: object, message: string) =>
      expect(() => transaction.put(given as Element)).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(message) }),
      )
    refused({ id: '', type: 't', name: 'n', attributes: {} }, 'id is empty')
    refused(element('a', 'x'.repeat(9_000_000)), '"a"')
    transaction.deleteElement('gone')
    refused({ element: 'gone', attributes: { value: 1 } }, '"gone"')
  })

  test('several transactions over one connection do not push each other out; another process does', async () => {
    const { connection, open, elements } = await scene()
    const both = [put(connection, element('a')), put(connection, element('b'))]
    await Promise.all(both.map(transaction => transaction.commit()))
    const other = await open()
    await put(other, element('c')).commit()
    await expect(put(connection, element('d')).commit()).rejects.toMatchObject({ code: 'superseded' })
    expect(elements()).toEqual(['a=1', 'b=1', 'c=1'])
  })

  test('one that is left without a commit is rolled back', async () => {
    const { connection, elements } = await scene()
    let kept: BatchTransaction
    {
      using transaction = put(connection, element('a'))
      kept = transaction
    }
    await expect(kept.commit()).rejects.toMatchObject({ code: 'conflict' })
    {
      using transaction = put(connection, element('b'))
      await transaction.commit()
    }
    expect(elements()).toEqual(['b=1'])
  })

  test('a claim that failed is made again with the next commit', async () => {
    const { connection, elements } = await scene()
    let claims = 0
    const failing: TargetConnection = {
      ...connection,
      claim: () => (++claims === 1 ? Promise.reject(new Error('the target is away')) : connection.claim()),
      transaction: (lane, work) => connection.transaction(lane, work),
    }
    const transaction = put(failing, element('a'))
    await expect(transaction.commit()).rejects.toThrow('away')
    await transaction.commit()
    await put(failing, element('b')).commit()
    expect([elements(), claims]).toEqual([['a=1', 'b=1'], 2])
  })

  test('an empty one asks nothing of the target', async () => {
    const { connection } = await scene()
    await connection.close()
    expect(await new BatchTransaction(connection).commit()).toMatchObject({ inserted: 0 })
    await expect(put(connection, element('a')).commit()).rejects.toMatchObject({ code: 'target_unavailable' })
  })
})
