import { dirname } from 'node:path'
import { checkConfig } from './check-config.ts'
import type { CheckedConfig, HotwellConfig } from './config-schema.ts'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'
import { environmentConfig } from './environment-config.ts'
import { readConfigFile } from './read-config-file.ts'
import { substituteEnvironment } from './substitute-environment.ts'

export interface LoadConfigOptions {
  /** A file of that name instead of `hotwell.config.*` in `cwd`. */
  configFile?: string
  /** Default: the process's. */
  cwd?: string
  /** Default: the process's. */
  environment?: NodeJS.ProcessEnv
  /** Goes before the environment, which goes before the file. */
  overrides?: Partial<HotwellConfig>
}

export interface LoadedConfig {
  config: CheckedConfig
  /** The file it was read from, absolute; undefined without one. */
  path?: string
  /** What modules named in it are looked up from. */
  folder: string
}

/**
 * Reads file and environment and checks the whole.
 * @throws HotwellError `invalid_configuration`, naming every field that is wrong
 */
export async function loadConfig({
  configFile,
  cwd = process.cwd(),
  environment = process.env,
  overrides = {},
}: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const file = await readConfigFile(cwd, configFile)
  const problems: ConfigurationProblem[] = []
  const content = substituteEnvironment(file.content, environment, problems) as Record<string, unknown>
  if (problems.length > 0) throw configurationError(file.shown, problems)
  const config = checkConfig({ ...content, ...environmentConfig(environment), ...defined(overrides) }, file.shown)
  return { config, path: file.path, folder: file.path === undefined ? cwd : dirname(file.path) }
}

function defined(config: Partial<HotwellConfig>): Partial<HotwellConfig> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}
