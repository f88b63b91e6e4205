import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { Plant } from './plant.ts'
import { mortal, pause, temporaryFolder, until } from './scene.ts'

/** Stops a process where it holds no lock on the file: a stopped one would hold it for ever. */
async function stopBetweenTransactions(child: Child, path: string): Promise<void> {
  for (;;) {
    child.signal('SIGSTOP')
    await pause(20)
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      database.exec('begin immediate; rollback')
      return
    } catch {
      child.signal('SIGCONT')
      await pause(3)
    } finally {
      database.close()
    }
  }
}

test('a process that was stopped while it copied, and goes on after another one took over, writes nothing more', async context => {
  const folder = await temporaryFolder(context)
  const [path, database] = [`${folder}/plant.jsonl`, `${folder}/plant.db`]
  const plant = new Plant(60_000)
  await plant.write(path)
  const settings = { path, target: { sqlite: database }, batchSize: 200 }
  const stopped = mortal(context, startProgram('sync-run', settings))
  await until('it to write', () => stopped.messages.length > 5)
  await stopBetweenTransactions(stopped, database)
  const writtenBefore = stopped.messages.length

  const other = mortal(context, startProgram('sync-run', settings))
  await other.told('done')
  const read = () => {
    const file = new DatabaseSync(database)
    try {
      const version = file.prepare('pragma data_version').get()
      return { version, positions: file.prepare('select * from hotwell_positions order by lane').all() }
    } finally {
      file.close()
    }
  }
  const after = read()

  stopped.signal('SIGCONT')
  const { code } = await stopped.exited
  expect(code).not.toBe(0)
  expect(stopped.output).toContain('was taken over by another process')
  expect(stopped.messages.length, 'at most the answer to its last commit').toBeLessThanOrEqual(writtenBefore + 1)
  expect(read().positions).toEqual(after.positions)
  const file = new DatabaseSync(database)
  const count = (table: string) => (file.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n
  expect(count('elements')).toBe(plant.elements.size)
  file.close()
}, 120_000)
