import assert from 'node:assert/strict'
import type { DeadLetter } from '../sync/model/rows.ts'
import {
  runLane,
  type SeenKeys,
  type StagedRow,
  type TargetConnection,
  type TargetTransaction,
} from '../sync/target.ts'
import {
  apply,
  came,
  element,
  hashOf,
  type KnownAbilities,
  ownEdges,
  ownIds,
  type PromiseTest,
  paged,
  relation,
} from './sync-target-scene.ts'

type Staged = Omit<StagedRow, 'firstPass' | 'lastPass'>

/** What is kept beside the graph: dead letters, what was seen, what is staged. */
export function ledgerClauses(promise: PromiseTest, { compares, remembers }: KnownAbilities): void {
  promise('dead letters come back as they were, in pages', async scene => {
    const connection = await scene.begin()
    const letters: DeadLetter[] = [
      { kind: 'element', key: 'a', reason: 'It’s "no" number;\n\u{1f600}', record: '{"id":"a","name":"it’s"}' },
      { kind: 'attributes', key: 'a', reason: 'There is none.' },
      { kind: 'relation', key: 'a feeds b', reason: 'It is too long.', record: '{}' },
      { kind: 'unreadable', key: 'line 9', reason: 'It is no JSON.', record: '{' },
      { kind: 'element', key: '\u{1f600}', reason: 'It is one.' },
    ]
    await connection.transaction(runLane, transaction => transaction.deadLetters('run 1', letters))
    await connection.transaction(runLane, transaction => transaction.deadLetters('run 1', []))
    await connection.settle()
    assert.deepEqual(shown(await lettersOf(connection)), shown(letters))
  })

  if (!remembers) return

  promise('of letters with one kind and key the last one stays; a new reading forgets them', async scene => {
    const connection = await scene.begin()
    const letter = (kind: DeadLetter['kind'], reason: string): DeadLetter => ({ kind, key: 'a', reason })
    await connection.transaction(runLane, async transaction => {
      await transaction.deadLetters('run 1', [letter('element', 'first'), letter('element', 'second')])
      await transaction.deadLetters('run 1', [letter('attributes', 'third'), letter('cycle', 'fourth')])
    })
    await connection.transaction(runLane, work => work.deadLetters('run 2', [letter('element', 'fifth')]))
    const kept = ['attributes a third', 'cycle a fourth', 'element a fifth']
    assert.deepEqual(shown(await lettersOf(connection)), kept)
    await connection.transaction(runLane, transaction => transaction.makeLanes(1))
    assert.deepEqual(shown(await lettersOf(connection)), ['cycle a fourth'])
  })

  promise('cycles take the place of those before, and of no other letter', async scene => {
    const connection = await scene.begin()
    const cycle = (key: string): DeadLetter => ({ kind: 'cycle', key, reason: 'They go round.' })
    await connection.transaction(runLane, async transaction => {
      await transaction.deadLetters('run 1', [{ kind: 'element', key: 'a', reason: 'It is one.' }])
      await transaction.cycles('run 1', [cycle('a'), cycle('b')])
    })
    await connection.transaction(runLane, transaction => transaction.cycles('run 2', [cycle('b'), cycle('c')]))
    const other = 'element a It is one.'
    assert.deepEqual(shown(await lettersOf(connection)), ['cycle b They go round.', 'cycle c They go round.', other])
    await connection.transaction(runLane, transaction => transaction.cycles('run 3', []))
    assert.deepEqual(shown(await lettersOf(connection)), [other])
  })

  promise('keys that were seen come back as they were saved, in pages, until lanes are made anew', async scene => {
    const connection = await scene.begin('plant', 2)
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    for (const [lane, number] of [1, 0, 10, 2].flatMap(number => [0, 1].map(lane => [lane, number] as const)))
      await connection.transaction(lane, work => work.saveSeen(lane, number, all.subarray(number)))
    const expected = [0, 1].flatMap(lane =>
      [0, 1, 2, 10].map(number => `${lane} ${number} ${Buffer.from(all.subarray(number)).toString('hex')}`),
    )
    for (const limit of [3, 4, 100]) assert.deepEqual(await seenOf(connection, limit), expected)
    await connection.transaction(runLane, transaction => transaction.makeLanes(2))
    assert.deepEqual(await seenOf(connection, 3), [])
  })

  if (compares) stagedClauses(promise)
}

function stagedClauses(promise: PromiseTest): void {
  const ids = ['a', 'Z', 'é', '\u{ff5e}', '\u{1f600}']
  const edge: Staged = { kind: 'relation', relation: relation('a', 'b') }
  const staged = (id: string): Staged => ({ kind: 'element', element: id, hash: hashOf(element(id)) })

  promise('what is staged keeps its first pass while pass after pass misses it', async scene => {
    const connection = await scene.begin()
    const stage = (rows: readonly Staged[], pass: number, formerPass: number) =>
      connection.transaction(runLane, transaction => transaction.stage(rows, pass, formerPass))
    await stage([...ids.map(staged), edge], 3, 2)
    await stage([...ids.map(staged), edge], 3, 2)
    await stage([staged('a'), staged('Z'), edge], 4, 3)
    await stage([{ ...staged('Z'), hash: 'another' }, staged('é')], 6, 4)
    const [a, z, e] = ['a', 'Z', 'é'].map(id => hashOf(element(id)))
    const others = ['\u{ff5e}', '\u{1f600}'].map(id => `element ${id} ${hashOf(element(id))} 3 3`)
    assert.notEqual(z, 'another')
    const expected = [`element a ${a} 3 4`, 'element Z another 3 6', `element é ${e} 6 6`, ...others, 'a feeds b 3 4']
    for (const limit of [1, 2, 100]) assert.deepEqual(await stagedIn(connection, limit), expected.toSorted())
  })

  promise('it comes off the list by what it is, or by when it was missed last', async scene => {
    const connection = await scene.begin()
    const run = <T>(work: (transaction: TargetTransaction) => Promise<T>) => connection.transaction(runLane, work)
    await run(transaction => transaction.stage([...ids.map(staged), edge], 1, 0))
    await run(transaction => transaction.stage([staged('a'), edge], 2, 1))
    const rows = await connection.staged(undefined, 100)
    await run(work => work.unstage({ rows: rows.filter(({ element: id }) => id === 'Z' || id === 'a') }))
    assert.equal((await connection.staged(undefined, 100)).length, 4)
    await run(transaction => transaction.unstage({ before: 2 }))
    assert.deepEqual(await stagedIn(connection, 100), ['a feeds b 1 2'])
    await run(transaction => transaction.unstage({ before: 3 }))
    assert.deepEqual(await stagedIn(connection, 100), [])
  })

  promise('of the staged only what is still the same is deleted, and all come off the list', async scene => {
    const connection = await scene.begin()
    const elements = ['a', 'b', 'c', 'd'].map(id => element(id))
    const relations = [relation('a', 'b'), relation('b', 'a'), relation('c', 'b'), relation('c', 'd')]
    await apply(connection, { elements, relations })
    const rows = [staged('a'), staged('c'), staged('gone'), edge, { ...edge, relation: relation('d', 'gone') }]
    await connection.transaction(runLane, transaction => transaction.stage(rows, 1, 0))
    const changed = element('c', { value: 2 })
    await apply(connection, { elements: [changed] })
    const found = await connection.staged(undefined, 100)
    const deleted = await connection.transaction(runLane, transaction => transaction.deleteStaged(found))
    assert.deepEqual({ ...deleted }, { elements: 1, relations: 1 })
    await scene.holds(connection, elements[1]!, changed, elements[3]!, relations[2]!, relations[3]!)
    assert.deepEqual(await ownEdges(connection), ['b feeds a …', 'c feeds b', 'c feeds d'], 'it waits for its end')
    assert.deepEqual(await connection.staged(undefined, 100), [])
    assert.deepEqual(await ownIds(connection), ['b', 'c', 'd'])
    came(await apply(connection, { elements: [elements[0]!] }), { inserted: 1 })
  })
}

function lettersOf(connection: TargetConnection): Promise<DeadLetter[]> {
  return paged<DeadLetter>((after, limit) => connection.readDeadLetters(after, limit), 2)
}

const shown = (letters: readonly DeadLetter[]) =>
  letters
    .map(({ kind, key, reason, record }) => `${kind} ${key} ${reason}${record === undefined ? '' : ` ${record}`}`)
    .sort()

async function seenOf(connection: TargetConnection, limit: number): Promise<string[]> {
  const all = await connection.transaction(runLane, transaction =>
    paged<SeenKeys>((after, most) => transaction.readSeen(after, most), limit),
  )
  return all.map(({ lane, number, keys }) => `${lane} ${number} ${Buffer.from(keys).toString('hex')}`)
}

async function stagedIn(connection: TargetConnection, limit: number): Promise<string[]> {
  const all = await paged<StagedRow>((after, most) => connection.staged(after, most), limit)
  const nameOf = ({ kind, element: id, relation: of, hash }: StagedRow) =>
    of ? `${of.from} ${of.type} ${of.to}` : `${kind} ${id} ${hash}`
  return all.map(row => `${nameOf(row)} ${row.firstPass} ${row.lastPass}`).sort()
}
