import { createHistory } from '../../src/history/create-history.ts'
import { record } from './records.ts'

/**
 * Run as a process of its own: records and tells, line by line, how far it got, until `limit` records are written or
 * somebody kills it. With `uid` it becomes that user, who may not be allowed to read this code: all of it is loaded
 * before, and no thread loads it again.
 */
const [path = '', limit = 'Infinity', uid] = process.argv.slice(2)
if (uid !== undefined) {
  const loaded = createHistory({ path: ':memory:', worker: false })
  loaded.record(record())
  await loaded.close()
  process.setgid!(Number(uid))
  process.setuid!(Number(uid))
}
const history = createHistory({ path, worker: uid === undefined })
let recorded = 0
const timer = setInterval(async () => {
  if (recorded < Number(limit))
    for (let i = 0; i < 50; i++) history.record(record({ generation: ++recorded, finishedAt: Date.now() }))
  const { written, buffered, dropped } = history
  process.stdout.write(`${JSON.stringify({ recorded, written, buffered, dropped, problems: history.problems() })}\n`)
  if (written < Number(limit)) return
  clearInterval(timer)
  await history.close()
}, 2)
