import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process of the benchmark's own that answers questions. It never outlives this one. */
export interface Child {
  readonly pid: number
  /** Sends a question and resolves with the answer; rejects if the child fails or ends before. */
  ask<Answer>(question: string, body?: unknown): Promise<Answer>
  /** `SIGSTOP`, `SIGCONT`. */
  signal(signal: NodeJS.Signals): void
  close(): Promise<void>
}

interface Question {
  readonly id: number
  readonly question: string
  readonly body: unknown
}

interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

/** Starts a module of ours in a process of its own; its file calls {@link answerParent}. */
export function startChild(module: URL, { env = {} }: { env?: Record<string, string> } = {}): Child {
  const child = fork(fileURLToPath(module), [], {
    execArgv: ['--conditions=hotwell-source', '--expose-gc', '--disable-warning=ExperimentalWarning'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let asked = 0
  const ended = new Promise<void>(resolve => {
    child.once('exit', (code, signal) => {
      resolve()
      const why = new Error(`The benchmark's process ${module.pathname} ended (${signal ?? `code ${code}`}).`)
      for (const { reject } of waiting.values()) reject(why)
      waiting.clear()
    })
  })
  child.on('message', ({ id, answer, error }: Answer) => {
    const asker = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asker?.resolve(answer)
    else asker?.reject(new Error(error))
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)

  return {
    pid: child.pid!,
    ask<Answer>(question: string, body?: unknown) {
      const id = asked++
      return new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve: value => resolve(value as Answer), reject })
        child.send({ id, question, body } satisfies Question, error => error && reject(error))
      })
    },
    signal: signal => void child.kill(signal),
    async close() {
      await endChild(child, ended)
      process.off('exit', kill)
    },
  }
}

/** Politely first: a stopped process has to go on before it can end. */
async function endChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGCONT')
  if (child.connected) child.disconnect()
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(impatience)
}

/** What a child does with each question. It ends when its parent is gone. */
export function answerParent(answers: Readonly<Record<string, (body: never) => unknown>>, close?: () => unknown): void {
  process.on('message', async ({ id, question, body }: Question) => {
    try {
      const answer = await answers[question]!(body as never)
      process.send?.({ id, answer } satisfies Answer)
    } catch (error) {
      process.send?.({ id, error: `${question}: ${(error as Error).stack ?? error}` } satisfies Answer)
    }
  })
  process.on('disconnect', async () => {
    await close?.()
    process.exit(0)
  })
}
