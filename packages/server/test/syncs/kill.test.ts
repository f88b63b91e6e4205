import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RunningHotwell } from '../commands/run-hotwell.ts'
import { temporaryFolder } from '../start.ts'
import { counted, syncCaller, writePlant } from './plant-file.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const elements = long ? 100_000 : 25_000
const kills = long ? 12 : 3

async function serve(folder: string) {
  const hotwell = new RunningHotwell(['serve', '--no-watch'], { cwd: folder })
  const [, url] = await hotwell.says(/"url":"(http:[^"]+)"/)
  return { hotwell, ...syncCaller(url!) }
}

/** Counts from outside how often each row is written. */
function audit(path: string): void {
  const database = new DatabaseSync(path)
  database.exec(`
    create table audit (id text not null);
    create trigger audit_insert after insert on elements begin insert into audit values (new.id); end;
    create trigger audit_update after update on elements begin insert into audit values (new.id); end;
    create trigger audit_relation after insert on relations begin insert into audit values (new.from_id || ' ' || new.to_id); end`)
  database.close()
}

test(`a server that is killed ${kills} times in the middle of a run goes on with it by itself: nothing is lost, nothing written twice`, async () => {
  const folder = await temporaryFolder()
  const target = join(folder, 'plant.db')
  const plant = {
    source: { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' },
    target: { use: 'hotwell/targets/sqlite', path: 'plant.db' },
    strategy: { batchSize: 200 },
  }
  await writeFile(join(folder, 'hotwell.config.json'), JSON.stringify({ port: 0, syncs: { plant } }))
  await writePlant(join(folder, 'plant.jsonl'), 1)
  let server = await serve(folder)
  await server.until((await server.post('syncs/plant/runs')).json.id)
  audit(target)
  await writePlant(join(folder, 'plant.jsonl'), elements)

  const { id } = (await server.post('syncs/plant/runs')).json
  let killed = 0
  let before = 1
  for (;;) {
    const { state } = (await server.get(`runs/${id}`)).json
    if (state === 'completed') break
    // Nobody asks for it to go on.
    if (state === 'interrupted' || state === 'failed') throw new Error(`The run is ${state}`)
    const written = counted(target, 'elements')
    if (killed === kills || written <= before) {
      await pause(60)
      continue
    }
    before = written
    server.hotwell.child.kill('SIGKILL')
    await server.hotwell.exited
    killed++
    server = await serve(folder)
  }
  const run = (await server.get(`runs/${id}`)).json
  expect(run).toMatchObject({
    state: 'completed',
    interruptions: killed,
    counts: { total: 2 * elements - 1, failed: 0 },
  })
  expect(killed).toBe(kills)
  expect([counted(target, 'elements'), counted(target, 'relations')]).toEqual([elements, elements - 1])
  const twice = '(select 1 from audit group by id having count(*) > 1)'
  expect([counted(target, 'audit'), counted(target, twice)]).toEqual([2 * elements - 2, 0])
  const { runs } = (await server.get('syncs/plant/runs')).json
  expect(runs).toHaveLength(2)
  expect(await server.hotwell.stop()).toBe(0)
}, 120_000)
