import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createExecutor } from 'hotwell/concurrency'
import { startChild } from '../harness/child.ts'
import { progress } from '../harness/progress.ts'
import { median } from '../harness/statistics.ts'

const slotCounts = [1, 4, 16, 64, 256] as const
/** So many tasks one after the other, and so many for each slot. */
const tasksPerSlot = 20
const rounds = 9

type Task = () => Promise<void>

export interface IoSpeed {
  readonly slots: number
  /** Sequential time of as many tasks ÷ the executor's. */
  readonly speedUp: number
  /** The ideal, each slot busy all the time with tasks as long as the sequential ones, ÷ the executor's time. */
  readonly ofIdeal: number
  /** The time of as many plain loops, one for each slot, ÷ the executor's. */
  readonly ofLoops: number
}

/** Messages that come back after 50 ms, from a process of its own over real connections. Medians within a round. */
export async function ioTasks(): Promise<IoSpeed[]> {
  const server = startChild(new URL('delayed-server.ts', import.meta.url))
  const port = await server.ask<number>('listen')
  const sockets = await Promise.all(Array.from({ length: Math.max(...slotCounts) }, () => open(port)))
  const idle = sockets.map(line)
  const task = async () => {
    const ask = idle.pop()!
    await ask()
    idle.push(ask)
  }
  await Promise.all(sockets.map(task))
  const samples = slotCounts.map(slots => ({ slots, ofIdeal: [] as number[], ofLoops: [] as number[] }))
  for (let round = 1; round <= rounds; round++) {
    const sequentialMs = await timed(() => loops(1, task))
    for (const { slots, ofIdeal, ofLoops } of samples) {
      const loopsMs = await timed(() => loops(slots, task))
      const executorMs = await timed(() => executed(slots, task))
      ofIdeal.push(sequentialMs / executorMs)
      ofLoops.push(loopsMs / executorMs)
    }
    progress(`50 ms tasks: round ${round} of ${rounds}`)
  }
  for (const socket of sockets) socket.destroy()
  await server.close()
  return samples.map(({ slots, ...taken }) => {
    const ofIdeal = median(taken.ofIdeal)
    return { slots, ofIdeal, speedUp: slots * ofIdeal, ofLoops: median(taken.ofLoops) }
  })
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** One message at a time, with one listener for all of them. */
function line(socket: Socket): Task {
  let answered = () => {}
  socket.on('data', () => answered())
  return () =>
    new Promise(resolve => {
      answered = resolve
      socket.write('?')
    })
}

async function loops(slots: number, task: Task): Promise<void> {
  const loop = async () => {
    for (let count = 0; count < tasksPerSlot; count++) await task()
  }
  await Promise.all(Array.from({ length: slots }, loop))
}

async function executed(slots: number, task: Task): Promise<void> {
  await using executor = createExecutor({ concurrency: slots, queueLimit: Number.POSITIVE_INFINITY })
  await Promise.all(Array.from({ length: tasksPerSlot * slots }, () => executor.run(task)))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  globalThis.gc?.()
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
