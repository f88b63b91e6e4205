import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const bin = fileURLToPath(new URL('../../bin/hotwell.js', import.meta.url))

export interface RunOptions {
  cwd?: string
  environment?: Record<string, string>
  input?: string
}

/** A `hotwell` that runs, as it is called from a shell. It is killed at the end of the test if it still runs. */
export class RunningHotwell {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly exited: Promise<number>

  constructor(args: readonly string[], { cwd, environment = {}, input }: RunOptions = {}) {
    this.child = spawn(process.execPath, [bin, ...args], { cwd, env: { PATH: process.env.PATH, ...environment } })
    this.child.stdout!.on('data', chunk => (this.stdout += chunk))
    this.child.stderr!.on('data', chunk => (this.stderr += chunk))
    this.child.stdin!.end(input)
    this.exited = once(this.child, 'close').then(([code, signal]) => code ?? signal)
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  /** Waits until the output has this; fails with the output if the process ends before, or after 30 s. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const until = Date.now() + 30_000
    while (Date.now() < until && this.child.exitCode === null) {
      const found = pattern.exec(this.stdout)
      if (found) return found
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error(`hotwell did not say ${pattern}. It said:\n${this.stdout}\n${this.stderr}`)
  }

  /** Sends a signal and waits for the end. Returns the exit code. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.child.kill(signal)
    return this.exited
  }
}

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Runs `hotwell` to its end. */
export async function runHotwell(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  const running = new RunningHotwell(args, options)
  const code = await running.exited
  return { code, stdout: running.stdout, stderr: running.stderr }
}
