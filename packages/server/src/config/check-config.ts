import type { z } from 'zod'
import { type CheckedConfig, configSchema, nestedFields } from './config-schema.ts'
import { type ConfigurationProblem, configurationError, fieldName } from './configuration-error.ts'
import { nearestName } from './nearest-name.ts'

const topLevel = Object.keys(configSchema.shape)

/**
 * Checks a configuration and fills in the defaults.
 * @throws HotwellError `invalid_configuration`, naming every field that is wrong
 */
export function checkConfig(config: unknown, source?: string): CheckedConfig {
  const result = configSchema.safeParse(config, { reportInput: false })
  if (result.success) return result.data
  throw configurationError(source, result.error.issues.flatMap(problemsOf))
}

/** What zod found, in words, each with its field. */
export function problemsOf(issue: z.core.$ZodIssue): ConfigurationProblem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownField([...path, key]))
  if (issue.code === 'invalid_key') {
    return [{ field: fieldName(path), message: issue.issues[0]?.message ?? 'the name is not allowed' }]
  }
  if (issue.code === 'invalid_union') {
    // The branch that got furthest into the value is the one that was meant.
    const deepest = issue.errors.map(branch => branch[0]).filter(first => first !== undefined)
    const meant = deepest.find(first => first.path.length > 0 || first.code === 'unrecognized_keys')
    if (meant) return problemsOf({ ...meant, path: [...path, ...meant.path] } as z.core.$ZodIssue)
    return [{ field: fieldName(path), message: deepest.map(first => sentence(first.message)).join(', or ') }]
  }
  return [{ field: fieldName(path), message: sentence(issue.message) }]
}

function unknownField(path: readonly PropertyKey[]): ConfigurationProblem {
  const within = path.slice(0, -1).filter(part => typeof part === 'string')
  const known = within.length === 0 ? topLevel : knownIn(within.join('.'))
  const near = nearestName(String(path.at(-1)), known)
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`
  return { field: fieldName(path), message: `there is no such field; ${hint}` }
}

/** Syncs have names of their own. */
function knownIn(path: string): readonly string[] {
  return nestedFields[path] ?? nestedFields[path.replace(/^syncs\.[^.]+/, 'syncs.*')] ?? []
}

/** zod's "Invalid input: expected number, received string" reads better after a field's name without its start. */
function sentence(message: string): string {
  return message.replace(/^Invalid input: /, '').replace(/^Invalid option: /, '')
}
