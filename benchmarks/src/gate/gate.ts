import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, type Figure, figure, type Goal } from '../harness/result.ts'
import { uncontended } from './uncontended.ts'
import { bytesPerWaiter, waiterCount } from './waiters.ts'
import { crowdSizes, wakeUps } from './wake-ups.ts'

const mostNs = 2000
const mostBytes = 1024
/** From a thousand to a hundred thousand waiters log n grows by two thirds; the rest is what more memory costs. */
const mostGrowth = 3
const control = 'control: looked through'

/** What the gate itself costs: to pass it, to wait at it, to be woken. */
export async function gate(): Promise<BenchmarkResult> {
  progress('bytes per waiter')
  const bytes = await bytesPerWaiter()
  progress('uncontended')
  const ns = await uncontended()
  progress('wake-ups')
  const wakes = await wakeUps()
  const figures: Figure[] = []
  const goals: Goal[] = []

  const floor = ns.get('promise queue')!
  for (const [name, value] of ns) {
    const ours = name.startsWith('gate')
    const limit = ours ? `≤ ${mostNs} ns` : undefined
    figures.push(
      figure(`enter + release: ${name}`, value, 'ns', { peer: `${(value / floor).toPrecision(3)} × queue`, limit }),
    )
    if (ours) goals.push(atMost(`enter and release, uncontended: ${name}, ns`, value, mostNs))
  }
  const perWaiter = `each of ${waiterCount.toLocaleString('en-US')} waiters`
  for (const [name, value] of bytes) {
    const peer = `promise queue ${Math.round(bytes.get('promise queue')!)}`
    const ours = name !== 'promise queue'
    figures.push(figure(`${perWaiter}: ${name}`, value, 'bytes', ours ? { peer, limit: `≤ ${mostBytes}` } : {}))
    if (ours) goals.push(atMost(`bytes for ${perWaiter}: ${name}`, value, mostBytes))
  }
  for (const [name, times] of wakes) {
    const [few, , many] = crowdSizes.map(size => times.get(size)!)
    for (const size of crowdSizes) {
      const peer = size === crowdSizes[0] ? undefined : `${(times.get(size)! / few!).toPrecision(3)} × that of 1,000`
      figures.push(
        figure(`wake-up, ${size.toLocaleString('en-US')} waiters: ${name}`, times.get(size)!, 'ns', { peer }),
      )
    }
    if (name === control) goals.push(atLeast(`wake-up of 100,000 ÷ of 1,000: ${name}`, many! / few!, 10))
    else goals.push(atMost(`wake-up of 100,000 ÷ of 1,000: ${name}`, many! / few!, mostGrowth))
  }
  return { name: 'gate', figures, goals }
}
