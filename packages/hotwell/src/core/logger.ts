/** Where Hotwell logs to. pino and console fit. Fields never hold a secret or a token. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The default: nothing is logged. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
