import { type Element, ElementCache } from 'hotwell/sync'
import { FakeClock } from 'hotwell/testing'
import { plantElement } from '../harness/plant-rows.ts'
import { seededRandom } from '../harness/statistics.ts'

export interface ZipfAccess {
  /** The id of rank r is asked for in proportion to 1 ÷ r to the power of this. */
  readonly exponent: number
  readonly ids: number
  /** So many a second, of elements and of attributes each. */
  readonly perSecond: number
  /** Before anything is counted. */
  readonly warmUp: number
  readonly counted: number
}

export interface HitRates {
  readonly elements: number
  readonly attributes: number
  /** Of a cache of as many entries that always held the most popular ones: nothing that is as small is better. */
  readonly best: number
}

/** Hit rates of element caches as they come, under Zipf access in simulated time. */
export async function hitRates({ exponent, ids, perSecond, warmUp, counted }: ZipfAccess): Promise<HitRates> {
  const clock = new FakeClock()
  const cache = new ElementCache({ clock })
  const elements = Array.from({ length: ids }, (_, number) => plantElement(number))
  const draw = zipf(ids, exponent)
  const ofElements = seededRandom(1)
  const ofAttributes = seededRandom(2)
  const tickMs = 1000 / perSecond
  for (let number = -warmUp; number < counted; number++) {
    if (number === 0) for (const one of [cache.elements, cache.attributes]) one.resetStats()
    clock.freeze(tickMs)
    ask(elements[draw.next(ofElements)]!)
    askAttributes(elements[draw.next(ofAttributes)]!)
  }
  const stats = cache.stats()
  return { elements: stats.elements.hitRate, attributes: stats.attributes.hitRate, best: draw.shareOf(10_000) }

  // What read() does, without as many promises.
  function ask(element: Element): void {
    if (!cache.elements.get(element.id)) cache.elements.put(element.id, element)
  }

  function askAttributes({ id, attributes }: Element): void {
    if (!cache.attributes.get(id)) cache.attributes.put(id, attributes)
  }
}

function zipf(ids: number, exponent: number) {
  const cumulated = new Float64Array(ids)
  let sum = 0
  for (let rank = 1; rank <= ids; rank++) cumulated[rank - 1] = sum += rank ** -exponent
  return {
    shareOf: (most: number) => cumulated[most - 1]! / sum,
    next(random: () => number): number {
      const wanted = random() * sum
      let low = 0
      let high = ids - 1
      while (low < high) {
        const middle = (low + high) >> 1
        if (cumulated[middle]! < wanted) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
