import type { HotwellConfig } from './config-schema.ts'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'

/** The environment variables that are read, and the field each stands for. They go before the file. */
export const environmentFields = {
  HOTWELL_HOST: 'host',
  HOTWELL_PORT: 'port',
  HOTWELL_DATA_DIR: 'dataDir',
  HOTWELL_NAMESPACE: 'namespace',
  HOTWELL_LOG_LEVEL: 'logLevel',
} as const satisfies Record<string, keyof HotwellConfig>

/**
 * What the environment says. An empty variable counts as not set.
 * @throws HotwellError `invalid_configuration` for a port that is no number
 */
export function environmentConfig(environment: NodeJS.ProcessEnv): Partial<HotwellConfig> {
  const config: Record<string, unknown> = {}
  for (const [variable, field] of Object.entries(environmentFields)) {
    const value = environment[variable]
    if (value !== undefined && value !== '') config[field] = field === 'port' ? portOf(variable, value) : value
  }
  return config
}

/**
 * The keys that seal tokens at rest, newest first: `HOTWELL_ENCRYPTION_KEY`, each 32 bytes in base64, several separated
 * by commas while one replaces another. Undefined where the variable is not set: then the store keeps a key file.
 */
export function encryptionKeys(environment: NodeJS.ProcessEnv): string[] | undefined {
  const text = environment.HOTWELL_ENCRYPTION_KEY
  if (text === undefined || text.trim() === '') return undefined
  const keys = text.split(',').map(key => key.trim())
  const problems = keyProblems('HOTWELL_ENCRYPTION_KEY', keys)
  if (problems.length > 0) throw configurationError('The environment', problems)
  return keys
}

/** What is wrong with sealing keys; never the keys. */
export function keyProblems(field: string, keys: readonly string[]): ConfigurationProblem[] {
  return keys.flatMap((key, index) => {
    const bytes = Buffer.from(key, 'base64').length
    const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(key)
    if (isBase64 && bytes === 32) return []
    const which = keys.length === 1 ? 'it' : `key ${index + 1}`
    const what = isBase64 ? `has ${bytes} bytes, not 32, in base64` : 'is not base64'
    return [{ field, message: `${which} ${what}; make one with: openssl rand -base64 32` }]
  })
}

function portOf(variable: string, value: string): number {
  const port = Number(value)
  if (/^\d+$/.test(value) && port <= 65_535) return port
  throw configurationError('The environment', [
    { field: variable, message: `"${value}" is no port; give a whole number from 0 to 65535` },
  ])
}
