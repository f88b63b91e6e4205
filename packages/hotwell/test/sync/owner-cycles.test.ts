import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { ownerCycles } from '../../src/sync/engine/owner-cycles.ts'
import type { Target } from '../../src/sync/target.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, ListSource } from './list-source.ts'
import { postgresScene } from './postgres-scene.ts'

const database = postgresScene()

const targets: Record<string, () => Promise<Target>> = {
  memory: async () => new MemoryTarget(),
  async sqlite() {
    const folder = await mkdtemp(join(tmpdir(), 'hotwell-cycles-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    return sqlite(join(folder, 'plant.db'))
  },
  postgres: async () => postgres({ pool: database.pool, prefix: database.prefix() }),
}

const owned = (id: string, ownerId: string) => element(id, 1, { ownerId })

for (const [name, make] of Object.entries(targets)) {
  test(`${name}: circles of owners are copied, counted, and told as dead letters until they are gone`, async () => {
    const circle = [owned('c', 'a'), owned('a', 'b'), owned('b', 'c')]
    const tree = [element('root'), owned('leaf', 'root'), owned('lost', 'nowhere'), owned('hanging', 'b')]
    const source = new ListSource([...tree, ...circle, owned('self', 'self')])
    const strategy = { deleteGuard: { fraction: 1 } }
    const sync = createSync({ name: 'plant', source, target: await make(), clock: new InstantClock(), strategy })
    onTestFinished(() => sync.close())
    expect(await sync.run()).toMatchObject({ inserted: 8, failed: 0, cycles: 2 })
    const letters = await sync.deadLetters()
    expect(letters).toEqual([
      { kind: 'cycle', key: 'a', reason: expect.stringContaining('a → b → c → a. It was copied') },
      { kind: 'cycle', key: 'self', reason: expect.stringContaining('self → self') },
    ])
    expect(await sync.run()).toMatchObject({ unchanged: 8, cycles: 2 })
    expect(await sync.deadLetters()).toEqual(letters)
    source.records = [...tree, owned('c', 'root'), ...circle.slice(1)]
    expect(await sync.run()).toMatchObject({ updated: 1, deleted: 1, cycles: 0 })
    expect(await sync.deadLetters()).toEqual([])
  })
}

test('a long circle is shown by its beginning, and chains that lead into one are none', () => {
  const owners = new Map<string, string>()
  for (let n = 0; n < 50; n++) owners.set(`e${n + 10}`, `e${((n + 1) % 50) + 10}`)
  for (let n = 0; n < 1000; n++) owners.set(`chain${n}`, n === 999 ? 'e30' : `chain${n + 1}`)
  const cycles = ownerCycles(owners)
  expect(cycles).toHaveLength(1)
  expect(cycles[0]).toHaveLength(50)
  expect(cycles[0]![0]).toBe('e10')
})

for (const name of ['sqlite', 'postgres'])
  for (const count of [999, 1000, 25_000])
    test(`${name}: of ${count} owners all are looked at`, async () => {
      const id = (n: number) => `e${100_000 + (n % count)}`
      const source = new ListSource(Array.from({ length: count }, (_, n) => owned(id(n), id(n + 1))))
      const sync = createSync({ name: 'plant', source, target: await targets[name]!(), clock: new InstantClock() })
      onTestFinished(() => sync.close())
      expect(await sync.run()).toMatchObject({ cycles: 1 })
      const [letter] = await sync.deadLetters()
      expect(letter!.reason).toContain(`e100009 → … (${count} elements)`)
    })
