import { isHotwellError } from 'hotwell/core'

/** What an error says; for one with a cause that adds something, that too. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error && !isHotwellError(error) ? ` (${error.cause.message})` : ''
  return error.message + cause
}
