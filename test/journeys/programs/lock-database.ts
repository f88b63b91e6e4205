import { DatabaseSync } from 'node:sqlite'

/** A process that locks a database when it is told `lock`, and frees it when it is told `free`. */
const { path } = JSON.parse(process.argv[2]!) as { path: string }
const database = new DatabaseSync(path, { timeout: 10_000 })
process.on('message', ({ ask: word }: { ask: 'lock' | 'free' }) => {
  database.exec(word === 'lock' ? 'begin exclusive' : 'rollback')
  process.send!({ [word]: true })
})
process.send!({ ready: true })
