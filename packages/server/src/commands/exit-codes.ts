/** What the exit codes of `hotwell` mean. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  configuration: 5,
} as const

/** For `--help`. */
export const exitCodesHelp = `
Exit codes:
  0  done
  1  it failed; the message says why
  2  the command was not understood
  3  no server answers at the URL
  4  the server refused the API key
  5  the configuration cannot be used`

/** Ends a command with a message for people and a code for programs. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failure, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}
