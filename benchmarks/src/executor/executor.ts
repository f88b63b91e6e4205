import { atLeast, atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { ioTasks } from './io-tasks.ts'
import { taskCosts } from './task-cost.ts'

/** With more of them the answers of a wave queue up at the processor, whoever asks: plain loops do no better there. */
const mostIdealSlots = 64

/** The executor at work that waits for somebody else, and what it costs by itself. */
export async function executor(): Promise<BenchmarkResult> {
  const speeds = await ioTasks()
  const costs = await taskCosts()
  const atFour = speeds.find(({ slots }) => slots === 4)!
  const fixed = costs[0]!
  return {
    name: 'executor',
    figures: [
      ...speeds.flatMap(({ slots, speedUp, ofIdeal, ofLoops }) => [
        figure(
          `50 ms tasks, ${slots} slots: faster than sequential`,
          speedUp,
          '×',
          slots === 4 ? { limit: '≥ 3' } : {},
        ),
        figure('  of the ideal', 100 * ofIdeal, '%', slots <= mostIdealSlots ? { limit: '≥ 95 %' } : {}),
        figure('  of as many plain loops', 100 * ofLoops, '%', { limit: '≥ 95 %' }),
      ]),
      ...costs.map(({ name, nanoseconds }) => figure(`creation to completion: ${name}`, nanoseconds, 'ns')),
    ],
    goals: [
      atLeast('50 ms tasks, 4 slots: faster than sequential', atFour.speedUp, 3),
      ...speeds
        .filter(({ slots }) => slots <= mostIdealSlots)
        .map(({ slots, ofIdeal }) => atLeast(`50 ms tasks, ${slots} slots: share of the ideal`, ofIdeal, 0.95)),
      ...speeds.map(({ slots, ofLoops }) =>
        atLeast(`50 ms tasks, ${slots} slots: share of plain loops`, ofLoops, 0.95),
      ),
      atMost('creation to completion of a task, ns', fixed.nanoseconds, 10_000),
    ],
  }
}
