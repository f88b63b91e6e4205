/**
 * What the exit codes of `hotwell` mean. `hotwell optimize` speaks of the server's health with the lower ones: 0 healthy,
 * 1 warning, degraded or a step that failed, 2 unhealthy. A command that was not understood stays 2 there, so that a
 * misspelt check raises the alarm instead of passing for a healthy server; it has no report on standard output.
 */
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
  5  the configuration cannot be used
For \`hotwell optimize\` 1 also means warning or degraded, and 2 unhealthy.`

/** Ends a command with a message for people and a code for programs. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failure, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}
