import { inspect } from 'node:util'
import { HotwellError } from '../core/errors.ts'

/** What is thrown for options of alerts that cannot be used; `why` goes on after the field. */
export function invalidAlerts(field: string, why: string): HotwellError {
  return new HotwellError('invalid_configuration', `alerts${field && `.${field}`} ${why}`)
}

/** A misspelt option must not be taken for one that was left out. */
export function refuseUnknown(options: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(options).find(field => !known.includes(field))
  if (unknown === undefined) return
  throw invalidAlerts(`${prefix}${unknown}`, `is not known; known are ${known.join(', ')}.`)
}

/** A value as people write it, in a few characters. */
export function shownValue(value: unknown): string {
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 1, maxArrayLength: 5 }).slice(0, 80)
}
