import { HotwellError } from 'hotwell/core'

/** One thing that is wrong with a configuration. */
export interface ConfigurationProblem {
  /** The field as it is written, e.g. `providers.feishu.appSecret`; empty for the file as a whole. */
  field: string
  message: string
}

/** The error for a configuration that cannot be used: every problem found, each with its field, in one message. */
export function configurationError(
  source: string | undefined,
  problems: readonly ConfigurationProblem[],
  cause?: unknown,
): HotwellError {
  const lines = problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  const where = source === undefined ? 'The configuration' : source
  const text = lines.length === 1 ? ` ${lines[0]}` : `\n${lines.map(line => `  - ${line}`).join('\n')}`
  return new HotwellError('invalid_configuration', `${where} cannot be used:${text}`, { cause, details: { problems } })
}

/** A path into the configuration as people write it. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((field, part) => {
    if (typeof part === 'number') return `${field}[${part}]`
    return field === '' ? String(part) : `${field}.${String(part)}`
  }, '')
}
