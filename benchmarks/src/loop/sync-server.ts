import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { createServer, type HotwellServer } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { jsonl } from 'hotwell/sources/jsonl'
import { createSync } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'
import { answerParent } from '../harness/child.ts'

export interface SyncServerOptions {
  readonly dataDir: string
  readonly refs: readonly string[]
  readonly apiKey: string
  /** The file that is copied. */
  readonly source: string
  /** Each is filled by a sync of its own, named after its place in the list. */
  readonly targets: readonly string[]
}

export interface SyncFigures {
  readonly records: number
  readonly seconds: number
}

let server: HotwellServer | undefined

/** A server with tokens that live long and syncs that wait to be run. */
async function listen({ dataDir, refs, apiKey, source, targets }: SyncServerOptions): Promise<number> {
  const provider = custom({
    kinds: ['tenant'],
    acquire: async ({ ref }) => ({ value: `token-of-${ref.subject}-${'x'.repeat(40)}`, expiresInSeconds: 7200 }),
  })
  const syncs = targets.map((path, index) => [
    syncName(index),
    { source: { use: 'hotwell/sources/jsonl', path: source }, target: { use: 'hotwell/targets/sqlite', path } },
  ])
  server = await createServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      dataDir,
      providers: { issuer: provider },
      manifest: [...refs],
      syncs: Object.fromEntries(syncs),
      keys: [{ name: 'benchmark', key: apiKey, refs: ['*'], actions: ['read'] }],
    },
  })
  await server.tokens.ready()
  return Number(new URL(server.url).port)
}

function syncName(index: number): string {
  return `plant-${index}`
}

/** As the server does it: in a thread of its own. */
async function sync({ index }: { index: number }): Promise<SyncFigures> {
  const { syncs } = server!
  const ended = Promise.withResolvers<SyncFigures>()
  const startedAt = performance.now()
  const off = syncs.on('run.ended', ({ sync, state, stats }) => {
    if (sync !== syncName(index)) return
    if (state !== 'completed' || !stats) ended.reject(new Error(`The run of ${sync} is ${state}.`))
    else ended.resolve({ records: stats.total, seconds: (performance.now() - startedAt) / 1000 })
  })
  await syncs.start(syncName(index), { kind: 'run', allowDeletes: false })
  return ended.promise.finally(off)
}

/** The same in the thread that serves tokens. */
async function syncHere({ source, target }: { source: string; target: string }): Promise<SyncFigures> {
  const startedAt = performance.now()
  const copy = createSync({ name: 'here', source: jsonl(source), target: sqlite(target) })
  const { total } = await copy.run()
  await copy.close()
  return { records: total, seconds: (performance.now() - startedAt) / 1000 }
}

/** The control: a plain copy in the thread that serves tokens, which lets others have their turn between two pages only. */
async function copyHere({ source, target }: { source: string; target: string }): Promise<SyncFigures> {
  const startedAt = performance.now()
  const database = new DatabaseSync(target)
  database.exec('pragma journal_mode = wal; create table elements (id text primary key, record text)')
  const insert = database.prepare('insert into elements values (?, ?)')
  let records = 0
  for await (const lines of pagesOf(source, 10_000)) {
    database.exec('begin')
    for (const line of lines) insert.run((JSON.parse(line) as { id: string }).id, line)
    database.exec('commit')
    records += lines.length
  }
  database.close()
  return { records, seconds: (performance.now() - startedAt) / 1000 }
}

async function* pagesOf(path: string, size: number): AsyncGenerator<string[]> {
  let page: string[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    page.push(line)
    if (page.length < size) continue
    yield page
    page = []
  }
  yield page
}

answerParent({ listen, sync, syncHere, copyHere }, () => server?.close())
