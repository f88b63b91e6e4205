import { expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { Plant } from './plant.ts'
import { type Ending, mortal, pause, temporaryFolder, until } from './scene.ts'
import { expectSame, type Watched, watchedPostgres, watchedSqlite } from './watched-targets.ts'

const records = 30_000

/** Stops a process that writes when it is, or is not, in the middle of a transaction. */
async function stopWhile(inTransaction: boolean, child: Child, target: Watched): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    child.signal('SIGSTOP')
    // The database may still be at what it was given before.
    await pause(30)
    if ((await target.isBeingWritten()) === inTransaction) return
    child.signal('SIGCONT')
    await pause(3)
    if (child.process.exitCode !== null) break
  }
  throw new Error(`It could not be stopped where it was to be.\n${child.output}`)
}

/** A plant and two processes that copy it, the second of which begins while the first one stands still. */
async function scene(context: Ending, target: Watched, inTransaction: boolean) {
  const path = `${await temporaryFolder(context)}/plant.jsonl`
  const plant = new Plant(records)
  await plant.write(path)
  const settings = { path, target: { ...target.target, stalledSeconds: 1 }, batchSize: 200 }
  const stopped = mortal(context, startProgram('sync-run', settings))
  await until('it to write', () => stopped.messages.length > 5)
  await stopWhile(inTransaction, stopped, target)
  const other = mortal(context, startProgram('sync-run', settings))
  return { plant, stopped, other }
}

for (const [name, watched, inTransaction] of [
  ['SQLite, stopped between two transactions', watchedSqlite, false],
  ['PostgreSQL, stopped between two transactions', watchedPostgres, false],
  ['PostgreSQL, stopped in the middle of a transaction', watchedPostgres, true],
] as const)
  test(`${name}: a process that goes on after another one took over writes nothing more`, async context => {
    const target = await watched(context)
    const { plant, stopped, other } = await scene(context, target, inTransaction)
    await other.told('done')
    expectSame(await target.read(), plant.expected())
    await target.watch()

    stopped.signal('SIGCONT')
    const { code } = await stopped.exited
    expect(code).not.toBe(0)
    expect(stopped.output).toContain('was taken over by another process')
    expect(await target.positions(), 'each transaction saves one').toEqual([])
    expectSame(await target.read(), plant.expected())
  }, 120_000)

test('SQLite, stopped in the middle of a transaction, which holds the file: the other one waits and says so, and nothing is lost when it goes on', async context => {
  const target = await watchedSqlite(context)
  const { plant, stopped, other } = await scene(context, target, true)
  expect(await other.told<string>('waiting')).toContain('locked')

  stopped.signal('SIGCONT')
  await other.told('done')
  // It goes on writing until the other one, which looks now and then, gets in between.
  const { code } = await stopped.exited
  if (code !== 0) expect(stopped.output).toContain('was taken over by another process')
  expectSame(await target.read(), plant.expected())
}, 120_000)
