import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { Plant } from './plant.ts'
import { type Ending, mortal, pause, temporaryFolder } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const kills = long ? 50 : 12
const records = 200_000

/** What a test sees of a target. */
interface Watched {
  /** As `createSync` in the child gets it. */
  readonly target: object
  /** Counts each write to elements and relations, and each position, from now on. */
  watch(): Promise<void>
  read(): Promise<{ elements: string[]; relations: string[]; pending: string[] }>
  /** Records that were written more than once since they were last asked for. */
  writtenTwice(): Promise<string[]>
  /** Positions in the order in which they were committed. */
  positions(): Promise<{ pass: number; page: number; lane: number }[]>
}

async function watchedSqlite(ending: Ending): Promise<Watched> {
  const path = `${await temporaryFolder(ending)}/plant.db`
  const opened = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return work(database)
    } finally {
      database.close()
    }
  }
  const rows = <Row>(statement: string) => opened(database => database.prepare(statement).all() as Row[])
  const texts = (statement: string) => rows<{ row: string }>(statement).map(({ row }) => row)
  const edges = (table: string) => texts(`select from_id || ' ' || type || ' ' || to_id as row from ${table}`).sort()
  return {
    target: { sqlite: path },
    async watch() {
      const key = { elements: '.id', relations: `.from_id || ' ' || type || ' ' || to_id` }
      opened(database => {
        database.exec(
          'create table audit (what text); create table audited_positions (number integer primary key, lane, saved)',
        )
        for (const [table, what] of Object.entries(key))
          for (const [operation, row] of [
            ['insert', 'new'],
            ['update', 'new'],
            ['delete', 'old'],
          ])
            database.exec(`create trigger ${table}_${operation} after ${operation} on ${table}
              begin insert into audit values ('${operation} ' || ${what.replaceAll('.', `${row}.`).replaceAll(' type', ` ${row}.type`).replaceAll(' to_id', ` ${row}.to_id`)}); end`)
        database.exec(`create trigger positions after update of saved on hotwell_positions
          begin insert into audited_positions (lane, saved) values (new.lane, new.saved); end`)
      })
    },
    async read() {
      return {
        elements: texts(
          `select id || '|' || type || '|' || name || '|' || coalesce(owner_id, '') || '|' || attributes as row from elements`,
        ).sort(),
        relations: edges('relations'),
        pending: edges('hotwell_pending'),
      }
    },
    async writtenTwice() {
      const twice = texts('select what as row from audit group by what having count(*) > 1')
      opened(database => database.exec('delete from audit'))
      return twice
    },
    async positions() {
      const saved = rows<{ lane: number; saved: string }>(
        'select lane, saved from audited_positions where lane >= 0 order by number',
      )
      return saved.filter(row => row.saved !== '').map(({ lane, saved }) => ({ lane, ...JSON.parse(saved) }))
    },
  }
}

/** Runs it, killed again and again at random moments while it writes, until it is done or was killed often enough. */
async function killedRuns(ending: Ending, settings: object, random: () => number, limit: number): Promise<number> {
  let killed = 0
  for (;;) {
    const child = mortal(ending, startProgram('sync-run', settings))
    const isDone = await killedSoon(child, killed < limit ? random() * 25 : Number.POSITIVE_INFINITY)
    if (isDone) return killed
    killed++
  }
}

/** Kills it when it has told so often that something was written; true when it was done before. */
async function killedSoon(child: Child, after: number): Promise<boolean> {
  const isDone = () => child.messages.some(message => 'done' in message)
  while (child.messages.length <= after && child.process.exitCode === null && !isDone()) await pause(1)
  if (Number.isFinite(after) && !isDone()) await child.kill()
  else await child.exited
  if (!isDone() && child.process.exitCode !== null) throw new Error(`It failed:\n${child.output}`)
  return isDone()
}

for (const [name, watched] of [['SQLite', watchedSqlite]] as const) {
  test(`${name}: a sync of ${records} records that is killed ${kills} times and more loses nothing, writes nothing twice, and never goes back`, async context => {
    const random = seededRandom(11)
    const plant = new Plant(records)
    const path = `${await temporaryFolder(context)}/plant.jsonl`
    const target = await watched(context)
    const settings = { path, target: target.target, batchSize: 1000 }
    await plant.write(path)
    let killed = await killedRuns(context, settings, random, 3)
    expect(await target.read()).toEqual(plant.expected())
    await target.watch()
    while (killed < kills) {
      plant.change()
      await plant.write(path)
      killed += await killedRuns(context, settings, random, 10)
      expect(await target.read()).toEqual(plant.expected())
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
    const plant = new Plant(30_000)
    const path = `${await temporaryFolder(context)}/plant.jsonl`
    const target = await watched(context)
    await plant.write(path)
    const settings = { path, target: target.target, batchSize: 1000, outside: true }
    await killedRuns(context, settings, random, 6)
    expect((await target.read()).elements).not.toEqual(plant.expected().elements)
  }, 300_000)
}
