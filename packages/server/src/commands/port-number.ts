import { wholeNumber } from './whole-number.ts'

/** @throws InvalidArgumentError for what is no port */
export const portNumber = wholeNumber(0, 65_535)
