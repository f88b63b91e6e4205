import { createHistory } from '../../src/history/create-history.ts'
import { record } from './records.ts'

/**
 * Run as a process of its own: records without end and tells, line by line, how far it got, to be killed from outside.
 */
const [path = ''] = process.argv.slice(2)
const history = createHistory({ path })
let recorded = 0
setInterval(() => {
  for (let i = 0; i < 50; i++) history.record(record({ generation: ++recorded, finishedAt: Date.now() }))
  process.stdout.write(`${JSON.stringify({ recorded, written: history.written, buffered: history.buffered })}\n`)
}, 2)
