import { expect, test } from 'vitest'
import { targetContract } from '../../src/testing/sync-target-contract.ts'
import { afterFailure, brokenSubject, changing, type Fault, nothing, spoil, unfenced } from './broken-target.ts'

/** By the clause that has to find it. */
const faults: Record<string, Fault[]> = {
  'a batch is there together with its position, which the next transaction sees': [
    { transaction: () => ({ save: async () => {} }) },
    {
      transaction: inner => ({
        apply: async batch => ({ ...(await inner.apply(nothing)), inserted: batch.elements.length }),
      }),
    },
  ],
  'work that throws leaves neither its batch nor its position': [
    afterFailure(({ position: [lane, text] }, inner) => inner.save(lane, text)),
    afterFailure(({ batch }, inner) => inner.apply(batch)),
  ],
  'the transactions of a lane come one after the other': [
    {
      connection: inner => ({
        async transaction(lane, work) {
          const before = await inner.transaction(lane, async (_, saved) => saved)
          await new Promise(resolve => setTimeout(resolve, 2))
          return inner.transaction(lane, transaction => work(transaction, before))
        },
      }),
    },
  ],
  'lanes have positions of their own': [
    { transaction: inner => ({ save: (lane, text) => inner.save(Math.min(lane, 0), text) }) },
  ],
  'closing twice is fine, and everything is refused afterwards': [{ connection: () => ({ close: async () => {} }) }],
  'closing rolls back what is under way': [{ connection: () => ({ close: async () => {} }) }],
  'new lanes are empty; the run’s own row stays, and of former lanes nothing does': [
    { transaction: inner => ({ makeLanes: count => inner.makeLanes(Math.max(3, count)) }) },
  ],
  'who claims supersedes: whoever claimed before writes nothing more': [unfenced()],
  'who is superseded in the middle of a transaction comes first, or not at all': [unfenced()],
  'dead letters come back as they were, in pages': [
    { connection: inner => ({ readDeadLetters: (_, limit) => inner.readDeadLetters(undefined, limit) }) },
  ],
  'of letters with one kind and key the last one stays; a new reading forgets them': [
    {
      transaction: inner => ({
        deadLetters: (run, letters) =>
          inner.deadLetters(
            run,
            letters.map((letter, number) => ({ ...letter, key: `${letter.key} ${run} ${number}` })),
          ),
      }),
    },
  ],
  'cycles take the place of those before, and of no other letter': [
    { transaction: inner => ({ cycles: (run, letters) => inner.deadLetters(run, letters) }) },
  ],
  'keys that were seen come back as they were saved, in pages, until lanes are made anew': [
    {
      transaction: inner => ({
        async makeLanes(count) {
          const seen = await inner.readSeen(undefined, 100)
          await inner.makeLanes(count)
          for (const { lane, number, keys } of seen) await inner.saveSeen(lane, number, keys)
        },
      }),
    },
    { transaction: inner => ({ readSeen: (_, limit) => inner.readSeen(undefined, limit) }) },
  ],
  'what is staged keeps its first pass while pass after pass misses it': [
    { transaction: inner => ({ stage: (rows, pass) => inner.stage(rows, pass, -1) }) },
  ],
  'of the staged only what is still the same is deleted, and all come off the list': [
    {
      transaction: (inner, { tables }) => ({
        deleteStaged: rows =>
          inner.deleteStaged(rows.map(row => ({ ...row, hash: tables.elements.get(row.element ?? '')?.hash ?? '' }))),
      }),
    },
  ],
  'every text, number and instant comes back as it went': [
    changing(batch => ({ ...batch, elements: batch.elements.map(row => ({ ...row, name: row.name.trim() })) })),
    changing(batch => ({
      ...batch,
      elements: batch.elements.map(row => ({ ...row, attributes: row.attributes.normalize('NFKC') })),
    })),
  ],
  'changes of attributes merge into what is there, and null removes': [
    changing(batch => ({
      ...batch,
      attributes: batch.attributes.map(({ attributes, ...row }) => {
        return {
          ...row,
          attributes: Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null)),
        }
      }),
    })),
  ],
  'an element that is deleted goes with its relations, and one that comes back comes alone': [
    {
      transaction: (inner, { tables }) => ({
        async apply(batch, reading) {
          const relations = [...tables.relations.values()].filter(({ from }) => batch.deletedElements.includes(from))
          const applied = await inner.apply(batch, reading)
          await inner.apply({ ...nothing, relations })
          return applied
        },
      }),
    },
  ],
  'a batch that comes again writes nothing, and counts as unchanged': [
    {
      transaction: (inner, { tables }) => ({
        async apply(batch, reading) {
          for (const { id } of batch.elements) {
            const row = tables.elements.get(id)
            if (row) tables.elements.set(id, { ...row, writes: row.writes + 1 })
          }
          return inner.apply(batch, reading)
        },
      }),
    },
  ],
  'a relation waits for its ends, whichever comes first, and is there when both are': [
    { transaction: () => ({ promotePending: async () => 0 }) },
    {
      transaction: (inner, { tables }) => ({
        apply(batch, reading) {
          const relations = batch.relations.filter(
            ({ from, to }) => tables.elements.has(from) && tables.elements.has(to),
          )
          return inner.apply({ ...batch, relations }, reading)
        },
      }),
    },
  ],
  'one that waits is unchanged when it comes again, and is there when it comes behind its ends': [
    {
      transaction: inner => ({
        async apply(batch, reading) {
          const applied = await inner.apply(batch, reading)
          return { ...applied, pending: Math.min(applied.pending, applied.inserted) }
        },
      }),
    },
  ],
  'own elements come in the order of their ids’ bytes, in pages': [
    {
      connection: (_, { tables }) => ({
        async ownElements(after, limit) {
          const all = [...tables.elements.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
          return all.filter(({ id }) => after === undefined || id > after).slice(0, limit)
        },
      }),
    },
  ],
  'own elements come with all that lies there, in the same order, in pages': [
    {
      connection: inner => ({
        ownContents: async (after, limit) =>
          (await inner.ownContents(after, limit)).map(content => ({ ...content, ownerId: null })),
      }),
    },
  ],
  'elements whose hashes are forgotten are written, whatever lies there, and no others': [
    { transaction: () => ({ forgetHashes: async () => {} }) },
    {
      transaction: (inner, { tables }) => ({
        forgetHashes: () => inner.forgetHashes([...tables.elements.keys()]),
      }),
    },
  ],
  'a range of ids is excluded at its beginning, included at its end, and may be open': [
    {
      transaction: inner => ({
        countElementsIn: async ({ after, ...range }) =>
          (await inner.countElementsIn({ ...range, ...(after !== undefined && { after }) })) +
          (after !== undefined && range.through === undefined ? 1 : 0),
      }),
    },
  ],
  'what belongs to another sync is refused, and stays as it is': [
    {
      transaction: (inner, { tables }) => ({
        apply(batch, reading) {
          for (const { id } of batch.elements) tables.elements.delete(id)
          return inner.apply(batch, reading)
        },
      }),
    },
  ],
  'each lists and counts its own, and a range counts all': [
    {
      connection: (_, { tables }) => ({ countOwn: async () => tables.elements.size + tables.relations.size }),
    },
  ],
  'a record that it refuses for what it is takes no other one with it': [
    {
      transaction: inner => ({
        async apply(batch, reading) {
          const applied = await inner.apply(batch, reading)
          if (applied.refused.length === 0) return applied
          const refused = batch.elements.map(({ id: key }) => ({
            kind: 'element' as const,
            key,
            reason: 'One is bad.',
          }))
          return { ...applied, inserted: 0, updated: 0, refused }
        },
      }),
    },
  ],
}

test('a target that does what it promises fails no clause', async () => {
  expect(await failing({})).toEqual([])
})

for (const [clause, each] of Object.entries(faults))
  test(`it is found: not “${clause}”`, async () => {
    for (const fault of each) expect(await failing(fault)).toContain(clause)
  })

async function failing(fault: Fault): Promise<string[]> {
  const clauses: [string, () => Promise<void>][] = []
  const register = (name: string, body: () => Promise<void>) => clauses.push([name.replace('broken: ', ''), body])
  targetContract(register, 'broken', { make: async () => brokenSubject(fault), spoil })
  const failed: string[] = []
  for (const [name, body] of clauses) await body().catch(() => failed.push(name))
  return failed
}
