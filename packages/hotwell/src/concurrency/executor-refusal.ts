import { HotwellError, isHotwellError } from '../core/errors.ts'

export function queueFull(queueLimit: number): HotwellError {
  return new HotwellError(
    'queue_full',
    `The executor does not accept the task because ${queueLimit} wait already. ` +
      'Hand in fewer at once, let map() read them as they are needed, or raise queueLimit.',
    { details: { queueLimit } },
  )
}

export function closed(): HotwellError {
  return new HotwellError('closed', 'The executor is closed.')
}

export function timedOut(timeoutMs: number): HotwellError {
  return new HotwellError('timeout', `The attempt took longer than ${timeoutMs / 1000} s and was aborted.`, {
    details: { attemptTimeoutSeconds: timeoutMs / 1000 },
  })
}

/** The same as in `retry` of the core: what a HotwellError says of itself; true for any other error. */
export function worthAnotherTry(error: unknown): boolean {
  return isHotwellError(error) ? error.retryable : true
}
