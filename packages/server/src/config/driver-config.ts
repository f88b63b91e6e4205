/** `{ use: 'hotwell/providers/feishu', … }`: the module to import and the options of its factory. */
export interface DriverConfig {
  use: string
  [option: string]: unknown
}

export function isDriver(value: unknown): value is DriverConfig {
  const { use } = (typeof value === 'object' && value !== null ? value : {}) as { use?: unknown }
  return typeof use === 'string' && use !== ''
}
