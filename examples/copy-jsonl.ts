// Copies a file of JSON lines into SQLite: `node copy-jsonl.ts [FILE.jsonl [TARGET.db]]`; without a file it makes one.
// Run it again after the file has changed: only what differs is written, and what is gone is deleted.

import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { jsonl } from 'hotwell/sources/jsonl'
import { createSync, type RunStats } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'hotwell-example-'))
const [file = makeFile(10_000), database = join(folder, 'plant.db')] = process.argv.slice(2)
const copy = createSync({ name: 'plant', source: jsonl(file), target: sqlite(database) })

tell('first run', await copy.run({ onProgress: ({ share }) => process.stderr.write(`\r${percent(share)} `) }))
tell('nothing has changed', await copy.run())

if (process.argv.length === 2) {
  appendFileSync(file, `${JSON.stringify({ element: 'item-7', attributes: { pressure: 25, tested: true } })}\n`)
  appendFileSync(file, 'this is no JSON\n')
  tell('two lines more', await copy.run())
  const reader = new DatabaseSync(database, { readOnly: true })
  const row = (statement: string) => JSON.stringify(reader.prepare(statement).get())
  console.log(row(`select name, attributes from elements where id = 'item-7'`))
  console.log(row('select key, reason, record from hotwell_dead_letters'))
  reader.close()
}
await copy.close()

/** Elements with owners, and what feeds what. */
function makeFile(items: number): string {
  const lines = Array.from({ length: items }, (_, number) => {
    const attributes = { pressure: 16, material: number % 3 ? '1.4408' : 'PVC' }
    const owner = number > 0 ? { ownerId: `item-${Math.floor((number - 1) / 10)}` } : {}
    const element = { id: `item-${number}`, type: 'pump', name: `Pump ${number}`, ...owner, attributes }
    const relation = { from: `item-${number}`, type: 'feeds', to: `item-${(number + 1) % items}` }
    return `${JSON.stringify(element)}\n${JSON.stringify(relation)}\n`
  })
  const path = join(folder, 'plant.jsonl')
  writeFileSync(path, lines.join(''))
  return path
}

function tell(what: string, { total, inserted, updated, unchanged, deleted, failed, durationMs }: RunStats): void {
  const counts = `${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${deleted} deleted, ${failed} failed`
  console.log(`${what}: ${total} records in ${Math.round(durationMs)} ms: ${counts}`)
}

function percent(share = 0): string {
  return `${Math.round(share * 100)} %`.padStart(5)
}
