import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Element } from 'hotwell/sync'

/** An element of a plant model: about 300 bytes of JSON, as they come from planning tools. */
export function plantElement(number: number, version = 0): Element {
  return {
    id: `plant/unit-${String(number).padStart(7, '0')}`,
    type: ['pump', 'valve', 'tank'][number % 3]!,
    name: `Unit ${number}`,
    ownerId: `plant/area-${number % 500}`,
    attributes: {
      designPressure: (number % 400) / 10,
      designTemperature: 80 + (number % 100),
      manufacturer: 'Hydraulik Nord',
      material: '1.4571',
      medium: 'condensate',
      serial: `SN-${(number * 7919) % 1_000_003}`,
      status: version === 0 ? 'in service' : `revision ${version}`,
    },
    modifiedAt: 1_700_000_000_000 + number,
  }
}

/** Writes so many of them into a JSONL file. */
export async function writePlant(path: string, count: number): Promise<void> {
  const file = createWriteStream(path)
  for (let first = 0; first < count; first += 5000) {
    const lines: string[] = []
    for (let number = first; number < Math.min(count, first + 5000); number++)
      lines.push(JSON.stringify(plantElement(number)))
    if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
}
