import { HotwellError } from '../../core/errors.ts'

/** @throws HotwellError `invalid_configuration` for what is not a whole number from 1 */
export function checkCounts(of: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts))
    if (!(Number.isSafeInteger(count) && count >= 1))
      throw new HotwellError('invalid_configuration', `${of}: ${name} is a whole number from 1, not ${count}.`)
}

/** @throws HotwellError `invalid_configuration` for what is not above 0 */
export function checkAmounts(of: string, amounts: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(amounts))
    if (!(amount > 0)) throw new HotwellError('invalid_configuration', `${of}: ${name} is above 0, not ${amount}.`)
}
