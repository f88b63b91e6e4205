import { expect, test } from 'vitest'
import type { Batch } from '../../src/sync/model/rows.ts'
import {
  type Claim,
  type Reading,
  runLane,
  type TargetConnection,
  type TargetTransaction,
} from '../../src/sync/target.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { playSyncSchedules, type TargetHarness } from '../../src/testing/sync-schedules.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const runs = long ? 100_000 : 2500

/** A target in memory, as a test disturbs it. */
function harness(random: SeededRandom, disturb?: TargetHarness['disturb']): TargetHarness {
  const target = new MemoryTarget({ lanes: 1 + random.below(3) })
  return {
    target,
    ...(disturb && { disturb }),
    async read(sync) {
      const { elements, relations, pending } = target.tables
      const own = <T extends { origin: string }>(rows: Iterable<T>) => [...rows].filter(row => row.origin === sync)
      const keyOf = ({ from, type, to }: { from: string; type: string; to: string }) => `${from}\0${type}\0${to}`
      return {
        elements: own(elements.values())
          .map(({ id, type, name, ownerId, attributes }) => [id, type, name, ownerId, attributes].join('|'))
          .sort(),
        relations: own(relations.values()).map(keyOf).sort(),
        pending: own(pending.values()).map(keyOf).sort(),
      }
    },
    wrong: () => wrongIn(target),
  }
}

/** Within one pass nothing is given twice, and no lane's position goes back. */
function wrongIn({ audit }: MemoryTarget): string[] {
  const wrong: string[] = []
  const given = new Set<string>()
  let pass = 0
  const pages = new Map<string, number>()
  for (const { lane, saved, given: now } of audit) {
    const { page, ...state } = (saved === '' ? {} : JSON.parse(saved)) as { pass?: number; page?: number }
    pass = state.pass ?? pass
    for (const one of now) {
      const key = `pass ${pass}: ${one}`
      if (given.has(key)) wrong.push(`${key} was written twice`)
      given.add(key)
    }
    if (page === undefined) continue
    const lanePass = `${pass} ${lane}`
    if (page < (pages.get(lanePass) ?? 0)) wrong.push(`the position of lane ${lane} went back to page ${page}`)
    pages.set(lanePass, page)
  }
  return wrong
}

test(`${runs} random schedules of kills and stops at any step: the target is what the source is, nothing was written twice`, async () => {
  await playSyncSchedules(async random => harness(random), { runs })
}, 1_800_000)

/** What such schedules find wrong, or undefined. */
async function faultIn(disturbed: (connection: TargetConnection) => TargetConnection): Promise<string | undefined> {
  return playSyncSchedules(async random => harness(random, disturbed), { runs: 1000 }).then(
    () => undefined,
    error => String(error.message).split('\n')[0],
  )
}

const like = (connection: TargetConnection, changed: Partial<TargetConnection>): TargetConnection =>
  Object.assign(Object.create(connection), bound(connection), changed)

function bound(connection: TargetConnection): TargetConnection {
  const { claim, transaction, ownElements, ownRelations, staged, settle, countOwn, close } = connection
  const methods = { claim, transaction, ownElements, ownRelations, staged, settle, countOwn, close }
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [name, (method as () => unknown).bind(connection)]),
  ) as unknown as TargetConnection
}

/** The transaction, with one of its methods changed. */
function changedIn(inner: TargetTransaction, changed: Partial<TargetTransaction>): TargetTransaction {
  return new Proxy(inner, {
    get: (_, name) => Reflect.get(changed, name) ?? Reflect.get(inner, name).bind(inner),
  })
}

test('control: a position that is written behind the data has them written twice', async () => {
  const outside = (connection: TargetConnection) =>
    like(connection, {
      transaction: async (lane, work) => {
        let text: string | undefined
        const save = async (_: number, saved: string) => void (text = saved)
        const isLane = lane !== runLane
        const result = await connection.transaction(lane, (inner, saved) =>
          work(isLane ? changedIn(inner, { save }) : inner, saved),
        )
        if (text !== undefined) await connection.transaction(lane, inner => inner.save(lane, text!))
        return result
      },
    })
  expect(await faultIn(outside)).toMatch(/was written twice|instead of/)
})

test('control: a position that is written ahead of the data loses some', async () => {
  const ahead = (connection: TargetConnection) =>
    like(connection, {
      transaction: async (lane, work) => {
        if (lane === runLane) return connection.transaction(lane, work)
        let text: string | undefined
        const dry = { save: async (_: number, saved: string) => void (text = saved), apply: async () => nothing }
        const saved = await connection.transaction(lane, async (inner, saved) => {
          await work(changedIn(inner, { ...dry, saveSeen: async () => {}, stage: async () => {} }), saved)
          if (text !== undefined) await inner.save(lane, text)
          return saved
        })
        return connection.transaction(lane, inner => work(changedIn(inner, { save: async () => {} }), saved))
      },
    })
  expect(await faultIn(ahead)).toContain('the target has')
})

test('control: buffers that are flushed by kind lose relations', async () => {
  const byKind = (connection: TargetConnection) =>
    like(connection, {
      transaction: async (lane, work) => {
        let relations: Batch['relations'] = []
        const result = await connection.transaction(lane, (inner, saved) => {
          const apply = (batch: Batch, reading?: Reading) => {
            relations = batch.relations
            return inner.apply({ ...batch, relations: [] }, reading)
          }
          return work(changedIn(inner, { apply }), saved)
        })
        if (relations.length > 0) await connection.transaction(lane, inner => inner.apply({ ...empty, relations }))
        return result
      },
    })
  expect(await faultIn(byKind)).toContain('the target has')
})

test('control: one position for all lanes loses what the slower ones had not written', async () => {
  const shared = (connection: TargetConnection) => {
    let lanes: Claim['saved'] = new Map()
    return like(connection, {
      claim: async () => {
        const { epoch, saved } = await connection.claim()
        lanes = saved
        const pageOf = (text: string | undefined) =>
          (text ? (JSON.parse(text) as { page?: number }).page : undefined) ?? 0
        const best = [...lanes].filter(([lane]) => lane !== runLane).sort((a, b) => pageOf(b[1]) - pageOf(a[1]))[0]?.[1]
        return { epoch, saved: new Map([...lanes].map(([lane, text]) => [lane, lane === runLane ? text : best!])) }
      },
    })
  }
  expect(await faultIn(shared)).toContain('the target has')
})

const empty: Batch = { elements: [], attributes: [], deletedElements: [], relations: [], deletedRelations: [] }
const nothing = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0, refused: [] }
