import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../packages/server/bin/hotwell.js', import.meta.url))

/** A process of its own that a test watches, talks to, stops and kills. */
export class Child {
  readonly process: ChildProcess
  readonly pid: number
  /** All it wrote, standard output and error together. */
  output = ''
  readonly messages: Record<string, unknown>[] = []
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>

  constructor(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.process = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      cwd: options.cwd,
      env: { ...cleanEnvironment(), ...options.env },
    })
    this.pid = this.process.pid!
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', text => (this.output += text))
    }
    this.process.on('message', message => this.messages.push(message as Record<string, unknown>))
    this.exited = once(this.process, 'close').then(([code, signal]) => ({ code, signal }))
  }

  /** Sends a message and waits for the answer that carries the same word. */
  async ask<T>(word: string): Promise<T> {
    const before = this.messages.length
    this.process.send({ ask: word })
    return this.#until(() => this.messages.slice(before).find(message => word in message)?.[word] as T | undefined)
  }

  /** Waits for a message with this word that was sent unasked. */
  told<T>(word: string): Promise<T> {
    return this.#until(() => this.messages.find(message => word in message)?.[word] as T | undefined)
  }

  /** Waits until it has written something, and returns the match. */
  wrote(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.#until(() => this.output.match(pattern) ?? undefined)
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exited
  }

  async #until<T>(found: () => T | undefined): Promise<T> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const value = found()
      if (value !== undefined) return value
      if (this.process.exitCode !== null || this.process.signalCode !== null || Date.now() > deadline) {
        throw new Error(`The process did not do what was waited for. It wrote:\n${this.output}`)
      }
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
}

/** A program beside this file. */
export function startProgram(name: string, settings: object): Child {
  const path = fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url))
  const flags = ['--conditions=hotwell-source', '--disable-warning=ExperimentalWarning']
  return new Child([...flags, path, JSON.stringify(settings)])
}

/** The command line as people run it. */
export function startHotwell(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Child {
  return new Child([bin, ...args], options)
}

/** The developer's own settings have no say in a test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(HOTWELL_|NODE_|VITEST)/.test(name)))
}
