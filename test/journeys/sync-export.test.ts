import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Child } from './child.ts'
import { mortal, pause, temporaryFolder } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const rounds = long ? 50 : 10
const elements = 20_000
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Exports one file into another, telling how far it is. */
const program = `
import { jsonl as source } from 'hotwell/sources/jsonl'
import { createSync } from 'hotwell/sync'
import { jsonl as target } from 'hotwell/targets/jsonl'
const [from, to] = process.argv.slice(-2)
const sync = createSync({ name: 'out', source: source(from), target: target(to) })
sync.on('batch.written', () => process.send('written'))
await sync.run()
process.send('done')
process.disconnect()`

function startExport(from: string, to: string): Child {
  return new Child(['--conditions=hotwell-source', '--input-type=module', '--eval', program, '--', from, to], {
    cwd: root,
  })
}

const editionOf = (edition: number) =>
  Array.from({ length: elements }, (_, n) =>
    JSON.stringify({ id: `e${n}`, type: 'pump', name: '', attributes: { edition } }),
  )
    .concat('')
    .join('\n')

test(`an export that is killed ${rounds} times, wherever it is, leaves the former one as it was or the new one whole`, async context => {
  const folder = await temporaryFolder(context)
  const [from, to] = [`${folder}/plant.jsonl`, `${folder}/out/export.jsonl`]
  const random = seededRandom(7)
  let there = 0
  let [kills, kept] = [0, 0]
  const exportOf = async (edition: number, killAfter: number) => {
    writeFileSync(from, editionOf(edition))
    const child = mortal(context, startExport(from, to))
    const settling = Math.ceil(elements / 1000)
    while (child.messages.length < Math.min(killAfter, settling) && child.process.exitCode === null) await pause(0)
    // Beyond the last batch: while it takes its place.
    if (killAfter > settling) await pause((killAfter - settling) / 2)
    child.signal('SIGKILL')
    const { signal } = await child.exited
    return signal === 'SIGKILL'
  }
  for (let edition = 1; edition <= rounds; edition++) {
    const isKilled = edition > 1 && (await exportOf(edition, 1 + Math.floor(random() * (elements / 1000 + 8))))
    if (isKilled) kills++
    if (edition === 1) {
      writeFileSync(from, editionOf(edition))
      expect(await startExport(from, to).exited).toMatchObject({ code: 0 })
    }
    const text = readFileSync(to, 'utf8')
    const [{ attributes }] = text.split('\n', 1).map(line => JSON.parse(line))
    expect([there, edition]).toContain(attributes.edition)
    expect(text === editionOf(attributes.edition), `edition ${attributes.edition} is whole`).toBe(true)
    if (attributes.edition === there) kept++
    there = attributes.edition
  }
  expect(kills, 'killed before its end').toBeGreaterThan(rounds / 2)
  expect(kept, 'killed before it took its place').toBeGreaterThan(rounds / 3)

  const left = readdirSync(`${folder}/out`).filter(name => name.endsWith('.partial'))
  expect(left.length).toBeGreaterThan(0)
  const aWhileAgo = Date.now() / 1000 - 120
  for (const name of left) utimesSync(`${folder}/out/${name}`, aWhileAgo, aWhileAgo)
  writeFileSync(from, editionOf(0))
  expect(await startExport(from, to).exited).toMatchObject({ code: 0 })
  expect(readFileSync(to, 'utf8') === editionOf(0)).toBe(true)
  expect(readdirSync(`${folder}/out`), 'what killed processes left is gone').toEqual(['export.jsonl'])
}, 120_000)
