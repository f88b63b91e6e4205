import { isHotwellError } from 'hotwell'
import { CommandFailure, exitCodes } from './commands/exit-codes.ts'
import { createProgram } from './commands/program.ts'

/** Runs the command line and ends the process with the code that `--help` explains. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever read the output has seen enough, as in `hotwell demo | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(exitCodes.ok)
  })
  const program = createProgram()
  for (const command of allCommands(program)) {
    command.showHelpAfterError('(--help shows what can be said)')
    command.exitOverride(error => {
      // commander ends with 1 for what it could not understand; that is 2 here, so that 1 means a real failure.
      process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
    })
  }
  try {
    await program.parseAsync(argv)
    process.exitCode = exitCodes.ok
  } catch (error) {
    process.stderr.write(`hotwell: ${messageOf(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
  // A socket of a client that stays open must not hold the process: everything that had to be written is.
  await new Promise<void>(resolve => process.stdout.write('', () => resolve()))
  process.exit()
}

type AnyCommand = ReturnType<typeof createProgram>

function allCommands(command: AnyCommand): AnyCommand[] {
  return [command, ...command.commands.flatMap(child => allCommands(child as AnyCommand))]
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode
  return isHotwellError(error, 'invalid_configuration') ? exitCodes.configuration : exitCodes.failure
}

/** Foreseen failures are told in a sentence; for others the stack says where to look. */
function messageOf(error: unknown): string {
  if (error instanceof CommandFailure || isHotwellError(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
