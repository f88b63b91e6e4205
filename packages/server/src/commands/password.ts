import { createInterface } from 'node:readline'
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

const longestTries = 3

/**
 * A new password: asked for twice without an echo on a terminal, else the whole of standard input less the line break
 * at its end.
 * @throws CommandFailure for an empty one, for several lines, and when the two do not match
 */
export async function readNewPassword(question: string, options: PasswordInput = {}): Promise<string> {
  const { input = process.stdin, output = process.stderr } = options
  if (!input.isTTY) return passwordOf(await text(input))
  for (let left = longestTries; left > 0; left--) {
    const password = passwordOf(await ask(input, output, `${question}: `))
    if ((await ask(input, output, `${question} again: `)) === password) return password
    output.write('The two do not match.\n')
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

/** One line from a terminal. readline puts it into raw mode, so that nothing is echoed, and edits the line. */
function ask(
  input: NonNullable<PasswordInput['input']>,
  output: NonNullable<PasswordInput['output']>,
  question: string,
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  output.write(question)
  return new Promise<string>((resolve, reject) => {
    const given = (line: string) => {
      lines.off('close', gone)
      resolve(line)
    }
    const gone = () => reject(new CommandFailure('No password was given; nothing was changed.'))
    lines.once('line', given).once('close', gone)
    lines.once('SIGINT', () => lines.close())
  }).finally(() => {
    lines.close()
    output.write('\n')
  })
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

function usage(message: string): CommandFailure {
  return new CommandFailure(message, exitCodes.usage)
}
