import { setTimeout as pause } from 'node:timers/promises'
import { jsonl } from 'hotwell/sources/jsonl'
import { createSync, type Target, type TargetConnection, type TargetTransaction } from 'hotwell/sync'
import { postgres } from 'hotwell/targets/postgres'
import { sqlite } from 'hotwell/targets/sqlite'

interface Settings {
  path: string
  target: { sqlite: string } | { postgres: string; stalledSeconds?: number }
  batchSize: number
  /** Saves the position in a transaction of its own, ahead of the data. */
  outside?: boolean
}

/** Runs a sync once, telling its parent how far it got, until it is killed or done. */
const { path, target, batchSize, outside } = JSON.parse(process.argv[2]!) as Settings
const into =
  'sqlite' in target
    ? sqlite(target.sqlite)
    : postgres({ connectionString: target.postgres, stalledSeconds: target.stalledSeconds })
const sync = createSync({
  name: 'plant',
  source: jsonl(path),
  target: outside ? positionOutside(into) : into,
  strategy: { batchSize, deleteGuard: { fraction: 1 } },
})
let written = 0
const stats = await sync.run({
  onProgress: ({ phase, counts, waitingFor }) => {
    if (waitingFor) process.send!({ waiting: waitingFor })
    const now = counts.inserted + counts.updated + counts.unchanged + counts.deleted
    if (now !== written) process.send!({ phase, written: (written = now) })
  },
})
process.send!({ done: stats })
process.disconnect()

function positionOutside(inner: Target): Target {
  return { ...inner, connect: async sync => ahead(await inner.connect(sync)) }
}

function ahead(connection: TargetConnection): TargetConnection {
  const changed = (transaction: TargetTransaction, methods: Partial<TargetTransaction>) =>
    new Proxy(transaction, {
      get: (_, name) => Reflect.get(methods, name) ?? Reflect.get(transaction, name)?.bind(transaction),
    })
  return new Proxy(connection, {
    get: (_, name) => {
      if (name !== 'transaction') return Reflect.get(connection, name)?.bind(connection)
      return async (lane: number, work: (inner: TargetTransaction, saved: string | undefined) => Promise<unknown>) => {
        if (lane < 0) return connection.transaction(lane, work)
        let text = ''
        const nothing = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0, refused: [] }
        const idle = {
          apply: async () => nothing,
          stage: async () => {},
          saveSeen: async () => {},
          deadLetters: async () => {},
          save: async (_: number, saved: string) => void (text = saved),
        }
        const former = await connection.transaction(lane, async (inner, saved) => {
          await work(changed(inner, idle), saved)
          if (text) await inner.save(lane, text)
          return saved
        })
        // The parent is told, and has the time to kill it here.
        process.send!({ ahead: lane })
        await pause(30)
        return connection.transaction(lane, inner => work(changed(inner, { save: async () => {} }), former))
      }
    },
  })
}
