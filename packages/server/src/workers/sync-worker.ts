import { parentPort, workerData } from 'node:worker_threads'
import { createSync, type RunProgress, type RunStats, type Sync, type SyncEvents } from 'hotwell/sync'
import { buildSyncParts } from '../config/build-sync-parts.ts'
import type { CheckedConfig } from '../config/config-schema.ts'
import { isDriver } from '../config/driver-config.ts'
import type { FromThread, Outcome, SyncThreadData, SyncWork, Told, ToThread } from './messages.ts'
import { plainError } from './plain-error.ts'
import type { TokenClient, TokenUse } from './token-client.ts'

/** So often the server hears how far it is and what was done, at most: a message a page would keep it busy. */
const tellingMs = 200

const eventNames: readonly (keyof SyncEvents)[] = [
  'run.started',
  'run.finished',
  'run.failed',
  'run.waiting',
  'page.read',
  'batch.written',
  'batch.failed',
  'absent.deleted',
]

const port = parentPort!
const { plan, work } = workerData as SyncThreadData
const ending = new AbortController()
let client: TokenClient | undefined
let sync: Sync | undefined
let isPaused = false
let stats: RunStats | undefined
/** Those that were not told yet. */
const events: Told[] = []
let eventsToldAt = 0

port.on('message', (message: ToThread) => {
  if (message.kind === 'token') client?.answer(message)
  else if (message.kind === 'cancel') {
    ending.abort(new DOMException('The run was ended.', 'AbortError'))
  } else {
    isPaused = message.kind === 'pause'
    if (isPaused) sync?.pause()
    else sync?.resume()
  }
})

const outcome = await done()
tellEvents()
tell({ kind: 'ended', outcome })
port.close()

async function done(): Promise<Outcome> {
  try {
    return await doWork(work)
  } catch (error) {
    if (ending.signal.aborted) return { state: 'cancelled', stats }
    return { state: 'failed', stats, error: plainError(error) }
  } finally {
    await sync?.close().catch(() => {})
    await client?.[Symbol.asyncDispose]()
  }
}

async function doWork(work: SyncWork): Promise<Outcome> {
  const loaded = await configFile()
  const { name, ...place } = plan
  const settings = plan.sync ?? loaded?.syncs[name]
  if (!settings) throw new TypeError(`the configuration has no sync "${name}" any more`)
  if (plan.refs.length > 0) {
    const { TokenClient } = await import('./token-client.ts')
    client = new TokenClient(port, await tokenUses(loaded?.providers ?? {}))
  }
  const given = { fetch: fetchOf }
  const { source, target } = await buildSyncParts(name, settings, place, given)
  const { strategy, filter, map, mapVersion } = settings
  sync = createSync({ name, source, target, strategy, filter, map, mapVersion })
  if (work.kind === 'dead-letters') {
    const letters = await sync.deadLetters({ limit: work.limit + 1 })
    const page = { letters: letters.slice(0, work.limit), hasMore: letters.length > work.limit }
    return { state: 'completed', deadLetters: page }
  }
  listen(sync)
  if (isPaused) sync.pause()
  const { allowDeletes } = work
  const options = { signal: ending.signal, onProgress: throttled(), allowDeletes }
  if (work.kind === 'run') {
    stats = await sync.run({ ...options, run: work.run, mode: work.mode, part: work.part })
    return { state: 'completed', stats }
  }
  const { repair, listed } = work
  return { state: 'completed', verification: await sync.verify({ ...options, repair, listed }) }
}

function fetchOf(ref: string): typeof globalThis.fetch {
  if (client) return client.fetch(ref)
  throw new TypeError(`the sync has no token "${ref}": name it in its \`tokens\``)
}

/** What takes long to load is loaded where it is needed: most configurations are data, and most syncs need no token. */
async function configFile(): Promise<CheckedConfig | undefined> {
  if (!plan.file) return undefined
  const { path, environment } = plan.file
  const { loadConfig } = await import('../config/load-config.ts')
  return (await loadConfig({ configFile: path, cwd: plan.cwd, environment })).config
}

/** How the tokens that the sync may have go into requests; the secrets of their providers are used by the server alone. */
async function tokenUses(fromFile: CheckedConfig['providers']): Promise<Map<string, TokenUse>> {
  const uses = new Map<string, TokenUse>()
  for (const ref of plan.refs) {
    const provider = ref.split('/', 1)[0]!
    const known = plan.providers[provider] ?? fromFile[provider]
    if (!known) throw new TypeError(`the configuration has no provider "${provider}" any more`)
    if (isDriver(known)) {
      const { buildProviders } = await import('../config/build-providers.ts')
      uses.set(ref, (await buildProviders({ [provider]: known }, plan.folder))[provider]!)
    } else uses.set(ref, known)
  }
  return uses
}

function listen(from: Sync): void {
  from.on('run.failed', told => void (stats = told.stats))
  for (const name of eventNames) {
    from.on(name, event => {
      events.push({ name, event } as Told)
      if (performance.now() >= eventsToldAt + tellingMs) tellEvents()
    })
  }
}

function tellEvents(): void {
  eventsToldAt = performance.now()
  if (events.length > 0) tell({ kind: 'told', told: events.splice(0) })
}

/** Now and then, and whenever something changes that people act upon. */
function throttled(): (progress: RunProgress) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  let last: RunProgress | undefined
  return progress => {
    const now = performance.now()
    const isNews = last?.phase !== progress.phase || last?.waitingFor !== progress.waitingFor
    last = progress
    if (!isNews && now < toldAt + tellingMs) return
    toldAt = now
    tell({ kind: 'progress', progress })
  }
}

function tell(message: FromThread): void {
  port.postMessage(message)
}
