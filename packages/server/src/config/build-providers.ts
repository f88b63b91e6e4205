import type { Provider } from 'hotwell'
import { type CheckedConfig, isProvider } from './config-schema.ts'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'
import { loadDriver } from './load-driver.ts'
import { reasonOf } from './reason-of.ts'

export { reasonOf } from './reason-of.ts'

/**
 * The providers of a configuration, built from `use` where they are not values already.
 * @throws HotwellError `invalid_configuration`, naming every provider that could not be built
 */
export async function buildProviders(
  providers: CheckedConfig['providers'],
  folder: string,
): Promise<Record<string, Provider>> {
  const problems: ConfigurationProblem[] = []
  const built: Record<string, Provider> = {}
  for (const [name, provider] of Object.entries(providers)) {
    if (isProvider(provider)) {
      built[name] = provider
      continue
    }
    try {
      const made = await loadDriver(provider, folder)
      if (!isProvider(made)) throw new TypeError(`what "${provider.use}" returns is no provider: it has no acquire()`)
      built[name] = made
    } catch (error) {
      problems.push({ field: `providers.${name}`, message: reasonOf(error) })
    }
  }
  if (problems.length > 0) throw configurationError(undefined, problems)
  return built
}
