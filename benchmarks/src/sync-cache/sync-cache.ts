import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, type Figure, figure } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import { elementCount, lookUps } from './look-ups.ts'
import { type HitRates, hitRates } from './zipf.ts'

const hit = 'hit: await read()'
const miss = 'miss: await read() of one'
const bare = 'no cache: the prepared statement, its row made an element'
/** 0.99 is what the Yahoo! Cloud Serving Benchmark takes; an LRU cache of a tenth of all ids reaches 0.72 with it. */
const exponents = [0.9, 0.99, 1.1, 1.2]
const demanded = 1.1
const rates = [1000, 100]
const warmUp = 500_000
const counted = 1_500_000

/** What the caches of elements bring: a hit beside a miss, and how many hits there are. */
export async function syncCache(): Promise<BenchmarkResult> {
  const samples = await lookUps()
  const of = (name: string) => median(samples.get(name)!)
  const ratio = (name: string) => median(samples.get(hit)!.map((ns, round) => ns / samples.get(name)![round]!))
  const figures: Figure[] = []
  for (const [name, ns] of samples) {
    const peer = name === hit ? undefined : `${(median(ns) / of(hit)).toPrecision(3)} × hit`
    figures.push(
      figure(name, median(ns), 'ns', { samples: ns, peer, ...(name === hit && { limit: '≤ 0.1 × miss of one' }) }),
    )
  }
  let inQuestion: HitRates | undefined
  for (const exponent of exponents)
    for (const perSecond of rates) {
      if (perSecond !== rates[0] && exponent !== demanded) continue
      progress(`Zipf access, exponent ${exponent}, ${perSecond}/s`)
      const found = await hitRates({ exponent, ids: elementCount, perSecond, warmUp, counted })
      const isDemanded = exponent === demanded && perSecond === rates[0]
      if (isDemanded) inQuestion = found
      const peer = `of the best 10,000 ids ${found.best.toFixed(3)}`
      const how = `Zipf ${exponent}, ${perSecond.toLocaleString('en-US')}/s`
      figures.push(
        figure(`hit rate of elements, ${how}`, found.elements, '', { peer, ...(isDemanded && { limit: '≥ 0.8' }) }),
        figure(`hit rate of attributes, ${how}`, found.attributes, '', { peer, ...(isDemanded && { limit: '≥ 0.7' }) }),
      )
    }
  return {
    name: 'sync-cache',
    figures,
    goals: [
      atMost('a hit ÷ a miss', ratio(miss), 0.1),
      atMost('a hit ÷ the statement without a cache', ratio(bare), 0.1),
      atLeast(`hit rate of elements, Zipf ${demanded}`, inQuestion!.elements, 0.8),
      atLeast(`hit rate of attributes, Zipf ${demanded}`, inQuestion!.attributes, 0.7),
    ],
  }
}
