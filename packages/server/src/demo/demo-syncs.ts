import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { CommandFailure, exitCodes } from '../commands/exit-codes.ts'
import type { HotwellConfig } from '../config/config-schema.ts'
import type { Syncs } from '../syncs/syncs.ts'

/** Often enough to be watched. */
const intervalSeconds = 60

export interface DemoSyncs {
  syncs: NonNullable<HotwellConfig['syncs']>
  /** What is copied into which file, for people. */
  told: { name: string; what: string; path: string }[]
}

/**
 * The departments and people of a tenant of the simulator, read with the token that the server keeps hot, and a file of
 * the user's, each into an SQLite file of its own in the data folder.
 * @throws CommandFailure for a file that is not there
 */
export async function demoSyncs(data: string, jsonl: string | undefined): Promise<DemoSyncs> {
  const people = join(data, 'people.db')
  const demo: DemoSyncs = {
    syncs: {
      people: {
        source: { use: 'hotwell/sources/lark', tenant: 'acme', fetch: { token: 'feishu/tenant/acme' } },
        target: { use: 'hotwell/targets/sqlite', path: people },
        intervalSeconds,
      },
    },
    told: [{ name: 'people', what: 'the departments and people of the tenant acme', path: people }],
  }
  if (jsonl === undefined) return demo
  const source = resolve(jsonl)
  const isFile = await stat(source).then(
    found => found.isFile(),
    () => false,
  )
  if (!isFile) throw new CommandFailure(`There is no file ${source}.`, exitCodes.usage)
  // Another file is another target: what only one of them has must not be taken for gone.
  const mark = hash('sha256', source).slice(0, 6)
  const target = join(data, `${basename(source).replace(/\.[^.]*$/, '')}-${mark}.db`)
  demo.syncs.file = {
    source: { use: 'hotwell/sources/jsonl', path: source },
    target: { use: 'hotwell/targets/sqlite', path: target },
    intervalSeconds,
  }
  demo.told.push({ name: 'file', what: jsonl, path: target })
  return demo
}

/** At once, also where an earlier demo has run them within the minute. */
export async function beginDemoSyncs(syncs: Pick<Syncs, 'start' | 'names'>): Promise<void> {
  for (const name of syncs.names) {
    // One that is under way already is what is wanted.
    await syncs.start(name, { kind: 'run', allowDeletes: false }).catch(() => {})
  }
}
