import { InvalidArgumentError } from '@commander-js/extra-typings'

/** @throws InvalidArgumentError for what is no port */
export function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It has to be a whole number from 0 to 65535.')
}
