import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { expect, test } from 'vitest'
import { startProgram } from './child.ts'
import { mortal, temporaryFolder } from './scene.ts'

const elements = process.env.HOTWELL_TEST_SCALE === 'long' ? 1_000_000 : 250_000

test(`${elements} elements go through a buffer of 64 MB in less than 400 MB of memory, also when they come in no order`, async context => {
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
  const child = mortal(
    context,
    startProgram('sync-memory', { path, database: `${folder}/plant.db`, maxBufferedMegabytes: 64 }),
  )
  await child.exited
  const told = child.messages[0] as { done: { inserted: number }; peakMegabytes: number } | undefined
  expect(told, child.output).toBeDefined()
  expect(told!.done.inserted).toBe(elements)
  expect(told!.peakMegabytes).toBeLessThan(400)
}, 600_000)
