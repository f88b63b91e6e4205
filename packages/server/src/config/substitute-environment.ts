import { type ConfigurationProblem, fieldName } from './configuration-error.ts'

const placeholder = /\$\$\{|\$\{([^}]*)\}/g
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Replaces `${NAME}` in every string of plain objects and arrays by the environment variable; `$${` stands for a plain
 * `${`. Anything that is not plain data (a provider, a store, a function) is left as it is.
 * A missing variable adds a problem that names field and variable.
 */
export function substituteEnvironment(
  value: unknown,
  environment: NodeJS.ProcessEnv,
  problems: ConfigurationProblem[],
  path: readonly PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') return substituteText(value, environment, problems, path)
  if (Array.isArray(value)) {
    return value.map((item, index) => substituteEnvironment(item, environment, problems, [...path, index]))
  }
  if (!isPlain(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      substituteEnvironment(item, environment, problems, [...path, key]),
    ]),
  )
}

function substituteText(
  text: string,
  environment: NodeJS.ProcessEnv,
  problems: ConfigurationProblem[],
  path: readonly PropertyKey[],
): string {
  return text.replace(placeholder, (whole, name: string | undefined) => {
    if (name === undefined) return '${'
    const field = fieldName(path)
    if (!variableName.test(name)) {
      problems.push({
        field,
        message: `"${whole}" is no environment variable; write \${NAME}, or $\${ for a plain \${`,
      })
      return whole
    }
    const found = environment[name]
    if (found === undefined || found === '') {
      problems.push({
        field,
        message: `the environment variable ${name} is ${found === '' ? 'empty' : 'not set'}; set it before starting`,
      })
    }
    return found ?? ''
  })
}

/** Objects with functions in them are values (a provider, a store), not data. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return !Object.values(value).some(item => typeof item === 'function')
}
