import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { RunStats } from 'hotwell/sync'
import { expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { mortal, temporaryFolder } from './scene.ts'

const elements = process.env.HOTWELL_TEST_SCALE === 'long' ? 1_000_000 : 250_000

test(`${elements} elements go through a buffer of 64 MB in less than 400 MB of memory, in no order, the first time and again`, async context => {
  const folder = await temporaryFolder(context)
  const path = `${folder}/plant.jsonl`
  const file = createWriteStream(path)
  for (let first = 0; first < elements; first += 1000) {
    const lines = Array.from({ length: 1000 }, (_, index) => {
      // Scattered, each once.
      const number = ((first + index) * 7919) % elements
      return JSON.stringify({
        id: `unit-${number}`,
        type: 'pump',
        name: `Unit ${number}`,
        attributes: { serial: `SN-${number}`, medium: 'condensate', text: 'x'.repeat(100) },
      })
    })
    if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
  const run = async () => {
    const settings = { path, database: `${folder}/plant.db`, maxBufferedMegabytes: 64 }
    const child = mortal(context, startProgram('sync-memory', settings))
    await child.exited
    const told = child.messages[0] as { done: RunStats; peakMegabytes: number } | undefined
    expect(told, child.output).toBeDefined()
    return told!
  }
  const first = await run()
  expect(first.done.inserted).toBe(elements)
  expect(first.peakMegabytes).toBeLessThan(400)
  // Now it also has to remember what it has seen, so that the rest could be deleted.
  const again = await run()
  expect(again.done.unchanged).toBe(elements)
  expect(again.peakMegabytes).toBeLessThan(400)
}, 600_000)
