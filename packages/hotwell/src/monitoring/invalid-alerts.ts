import { HotwellError } from '../core/errors.ts'

/** What is thrown for options of alerts that cannot be used; `why` goes on after the field. */
export function invalidAlerts(field: string, why: string): HotwellError {
  return new HotwellError('invalid_configuration', `alerts.${field} ${why}`)
}
