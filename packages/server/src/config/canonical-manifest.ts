import { type Providers, parseRef, type RefText } from 'hotwell'
import type { CheckedConfig } from './config-schema.ts'
import { type ConfigurationProblem, configurationError } from './configuration-error.ts'
import { nearestName } from './nearest-name.ts'

/**
 * The manifest's refs in canonical form.
 * @throws HotwellError `invalid_configuration`, naming each entry that is no ref or names no provider
 */
export function canonicalManifest({
  manifest,
  providers,
}: Pick<CheckedConfig, 'manifest' | 'providers'>): RefText<Providers>[] {
  const names = Object.keys(providers)
  const problems: ConfigurationProblem[] = []
  const refs = manifest.map((text, index) => {
    const field = `manifest[${index}]`
    try {
      const { canonical, provider } = parseRef(text)
      if (!names.includes(provider)) {
        const near = nearestName(provider, names)
        const hint = near ? `did you mean ${near}?` : `there are ${names.join(', ') || 'none'}`
        problems.push({ field, message: `there is no provider "${provider}"; ${hint}` })
      }
      return canonical as RefText<Providers>
    } catch (error) {
      problems.push({ field, message: (error as Error).message })
      return text as RefText<Providers>
    }
  })
  if (problems.length > 0) throw configurationError(undefined, problems)
  return refs
}
