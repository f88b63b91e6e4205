import { HotwellError } from '../core/errors.ts'

/** @throws HotwellError `invalid_configuration` for an option that the driver does not know */
export function checkKnown(of: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).filter(name => !known.includes(name))
  if (unknown.length === 0) return
  throw new HotwellError(
    'invalid_configuration',
    `${of} does not know ${unknown.map(name => `"${name}"`).join(', ')}; its options are ${known.join(', ')}.`,
  )
}
