import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { CommandFailure, exitCodes } from './exit-codes.ts'

/** Where a password comes from; by default the process's own terminal or pipe. */
export interface PasswordInput {
  input?: NodeJS.ReadableStream & { isTTY?: boolean }
  /** Questions go here, so that standard output stays what `--json` promises. */
  output?: { write(text: string): unknown }
}

const mostTries = 3

/**
 * A new password: asked for twice without an echo on a terminal, else the whole of standard input less the line break
 * at its end.
 * @throws CommandFailure for an empty one, for several lines, and when the two do not match
 */
export async function readNewPassword(question: string, options: PasswordInput = {}): Promise<string> {
  const { input = process.stdin, output = process.stderr } = options
  if (!input.isTTY) return passwordOf(await text(input))
  const terminal = new SilentTerminal(input, output)
  try {
    for (let left = mostTries; left > 0; left--) {
      const password = passwordOf(await terminal.ask(`${question}: `))
      if ((await terminal.ask(`${question} again: `)) === password) return password
      output.write('The two do not match.\n')
    }
  } finally {
    terminal.close()
  }
  throw new CommandFailure('No password was given twice the same way; nothing was changed.')
}

function passwordOf(given: string): string {
  const password = given.replace(/\r?\n$/, '')
  if (password === '') {
    throw usage('The password is empty. Type it when it is asked for, or pipe it in: echo "$PASSWORD" | hotwell …')
  }
  if (/[\r\n]/.test(password)) throw usage('Standard input has several lines; it has to hold the password alone.')
  return password
}

/** Asks for lines and echoes nothing: readline puts the terminal into raw mode, edits the line, and writes nowhere. */
class SilentTerminal {
  readonly #lines: Interface
  readonly #output: NonNullable<PasswordInput['output']>
  /** What came before it was asked for, as when both answers are pasted at once. */
  readonly #early: string[] = []
  #waiting: PromiseWithResolvers<string> | undefined
  #ended = false

  constructor(input: NonNullable<PasswordInput['input']>, output: NonNullable<PasswordInput['output']>) {
    this.#output = output
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    this.#lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
    this.#lines.on('line', line => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting) waiting.resolve(line)
      else this.#early.push(line)
    })
    this.#lines.on('SIGINT', () => this.#lines.close())
    this.#lines.once('close', () => {
      this.#ended = true
      this.#waiting?.reject(nothingGiven())
    })
  }

  async ask(question: string): Promise<string> {
    this.#output.write(question)
    try {
      const early = this.#early.shift()
      if (early !== undefined) return early
      if (this.#ended) throw nothingGiven()
      this.#waiting = Promise.withResolvers()
      return await this.#waiting.promise
    } finally {
      this.#output.write('\n')
    }
  }

  close(): void {
    this.#lines.close()
  }
}

/**
 * Whoever gives a password as an argument learns why not. Commander's own message would repeat it, and with it carry
 * the password into the logs of whatever runs the command.
 */
export function refusePasswordArguments(command: Pick<CommandUnknownOpts, 'configureOutput'>): void {
  command.configureOutput({
    outputError: (message, write) => write(carriesPassword.test(message) ? refusal : message),
  })
}

const carriesPassword = /unknown option '-{1,2}(?:p|\S*(?:pass|pw|secret))|too many arguments for '(?:add|update)'/i
const refusal =
  'error: a password is never taken from the command line, where every program of this machine can read it and the ' +
  'shell keeps it. It is asked for on a terminal, else read from standard input: echo "$PASSWORD" | hotwell account …\n'

function nothingGiven(): CommandFailure {
  return new CommandFailure('No password was given; nothing was changed.')
}

function usage(message: string): CommandFailure {
  return new CommandFailure(message, exitCodes.usage)
}
