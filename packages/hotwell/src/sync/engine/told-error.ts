import { isHotwellError } from '../../core/errors.ts'

/** An error as events tell it. */
export function toldOf(error: unknown): { code: string; message: string } {
  return { code: isHotwellError(error) ? error.code : 'run_failed', message: messageOf(error) }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
