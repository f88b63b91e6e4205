import { createExecutor, type Executor, type ExecutorConcurrency } from 'hotwell/concurrency'
import { median, shuffled } from '../harness/statistics.ts'

const rounds = 31
const tasks = 20_000
/** So many are created at a time, of which so many may run. */
const batch = 1000
const slots = 16

export interface TaskCost {
  readonly name: string
  /** Nanoseconds from creation to completion, of the whole batch ÷ its tasks. */
  readonly nanoseconds: number
}

/** What a task costs by itself: it answers at once, so that nothing else is measured. */
export async function taskCosts(): Promise<TaskCost[]> {
  const fixed = executorOf(slots)
  const gradient = executorOf({ rule: 'gradient', start: slots, most: slots })
  const semaphore = new Semaphore(slots)
  const variants = [
    { name: 'executor, fixed', run: perTask(fixed), samples: [] as number[] },
    { name: 'executor, gradient', run: perTask(gradient), samples: [] as number[] },
    { name: 'executor, map', run: () => mapped(fixed), samples: [] as number[] },
    { name: 'bare semaphore', run: () => inBatches(() => semaphore.run(answer)), samples: [] as number[] },
    { name: 'Promise.all alone', run: () => inBatches(answer), samples: [] as number[] },
  ]
  for (let round = -5; round < rounds; round++) {
    for (const { run, samples } of shuffled(variants)) {
      globalThis.gc?.()
      const startedAt = performance.now()
      await run()
      if (round >= 0) samples.push(((performance.now() - startedAt) * 1e6) / tasks)
    }
  }
  return variants.map(({ name, samples }) => ({ name, nanoseconds: median(samples) }))
}

function executorOf(concurrency: ExecutorConcurrency): Executor {
  return createExecutor({ concurrency, queueLimit: batch })
}

const answer = async () => 1

function perTask(executor: Executor): () => Promise<void> {
  return () => inBatches(() => executor.run(answer))
}

async function inBatches(run: () => Promise<number>): Promise<void> {
  for (let done = 0; done < tasks; done += batch) await Promise.all(Array.from({ length: batch }, run))
}

async function mapped(executor: Executor): Promise<void> {
  const items = Array.from({ length: tasks }, (_, index) => index)
  let sum = 0
  for await (const result of executor.map(items, answer)) sum += result.index
  if (sum !== (tasks * (tasks - 1)) / 2) throw new Error('A task was lost.')
}

/** The least that limits: a counter and a queue. */
class Semaphore {
  #free: number
  readonly #queue: (() => void)[] = []

  constructor(slots: number) {
    this.#free = slots
  }

  async run(task: () => Promise<number>): Promise<number> {
    if (this.#free === 0) await new Promise<void>(resolve => this.#queue.push(resolve))
    else this.#free--
    try {
      return await task()
    } finally {
      const next = this.#queue.shift()
      if (next) next()
      else this.#free++
    }
  }
}
