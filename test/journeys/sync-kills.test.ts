import { expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { Plant } from './plant.ts'
import { type Ending, mortal, pause, temporaryFolder } from './scene.ts'
import { seededRandom } from './seeded-random.ts'
import { expectSame, watchedPostgres, watchedSqlite } from './watched-targets.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const kills = long ? 50 : 12
const records = 200_000

interface Settings {
  readonly path: string
  readonly target: object
  readonly batchSize: number
  readonly outside?: boolean
}

/** Runs it, killed again and again at random moments while it writes, until it is done or was killed often enough. */
async function killedRuns(
  ending: Ending,
  settings: Settings,
  random: () => number,
  limit: number,
  word = 'written',
): Promise<number> {
  // At most a quarter of what is to be written: a run is to be killed several times.
  const most = Math.min(25, records / settings.batchSize / 4)
  let killed = 0
  for (;;) {
    const child = mortal(ending, startProgram('sync-run', settings))
    const isDone = await killedSoon(child, killed < limit ? random() * most : Number.POSITIVE_INFINITY, word)
    if (isDone) return killed
    killed++
  }
}

/** Kills it when it has told so often, by default that something was written; true when it was done before. */
async function killedSoon(child: Child, after: number, word: string): Promise<boolean> {
  const told = () => child.messages.filter(message => word in message).length
  const isDone = () => child.messages.some(message => 'done' in message)
  while (told() <= after && child.process.exitCode === null && !isDone()) await pause(1)
  if (Number.isFinite(after) && !isDone()) await child.kill()
  else await child.exited
  if (!isDone() && child.process.exitCode !== null) throw new Error(`It failed:\n${child.output}`)
  return isDone()
}

for (const [name, watched] of [
  ['SQLite', watchedSqlite],
  ['PostgreSQL', watchedPostgres],
] as const) {
  test(`${name}: a sync of ${records} records that is killed ${kills} times and more loses nothing, writes nothing twice, and never goes back`, async context => {
    const random = seededRandom(11)
    const plant = new Plant(records)
    const path = `${await temporaryFolder(context)}/plant.jsonl`
    const target = await watched(context)
    const { batchSize } = target
    const settings = { path, target: target.target, batchSize }
    await plant.write(path)
    let killed = await killedRuns(context, settings, random, 3)
    expectSame(await target.read(), plant.expected())
    await target.watch()
    while (killed < kills) {
      plant.change()
      await plant.write(path)
      killed += await killedRuns(context, settings, random, 10)
      expectSame(await target.read(), plant.expected())
      expect(await target.writtenTwice()).toEqual([])
    }
    const last = new Map<number, { pass: number; page: number }>()
    for (const { lane, pass, page } of await target.positions()) {
      const former = last.get(lane)
      const isForward = !former || pass > former.pass || (pass === former.pass && page > former.page)
      if (!isForward) expect({ lane, pass, page }).toEqual(`behind ${JSON.stringify(former)}`)
      last.set(lane, { pass, page })
    }
    expect(killed).toBeGreaterThanOrEqual(kills)
  }, 1_200_000)

  test(`${name}, control: with the position outside the transaction, kills lose records`, async context => {
    const random = seededRandom(12)
    const plant = new Plant(15_000)
    const path = `${await temporaryFolder(context)}/plant.jsonl`
    const target = await watched(context)
    await plant.write(path)
    const settings = { path, target: target.target, batchSize: 1000, outside: true }
    await killedRuns(context, settings, random, 3, 'ahead')
    expect((await target.read()).elements).not.toEqual(plant.expected().elements)
  }, 300_000)
}
