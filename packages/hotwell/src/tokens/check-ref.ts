import { HotwellError } from '../core/errors.ts'
import type { Provider } from './provider.ts'
import { isSelector, type Ref, refParameters } from './ref.ts'

/**
 * The provider of a ref, after asking whether it issues such a token at all.
 * @throws HotwellError `unknown_provider`, `unknown_kind`, `unknown_subject`, or `invalid_ref` for a parameter or scope
 */
export function providerOf(ref: Ref, providers: ReadonlyMap<string, Provider>): Provider {
  const provider = issuerOf(ref, providers)
  if (isSelector(ref)) throw unknownSubject(ref, 'it names no account, and no accounts are configured to choose from')
  if (provider.knows && !provider.knows(ref)) throw unknownSubject(ref, 'the provider is not configured for it')
  return provider
}

/** As {@link providerOf}, but for a selector as well, which has a token of no account yet. */
export function issuerOf(ref: Ref, providers: ReadonlyMap<string, Provider>): Provider {
  const provider = providers.get(ref.provider)
  if (!provider) {
    throw new HotwellError(
      'unknown_provider',
      `There is no provider "${ref.provider}"; ${listed([...providers.keys()])}.`,
    )
  }
  if (!provider.kinds.includes(ref.kind)) {
    const kinds = listed(provider.kinds)
    throw new HotwellError('unknown_kind', `The provider "${ref.provider}" issues no "${ref.kind}" tokens; ${kinds}.`)
  }
  for (const parameter of refParameters) {
    if (ref[parameter] === undefined || provider.parameters?.includes(parameter)) continue
    const taken = provider.parameters?.length ? `it takes ${provider.parameters.join(', ')}` : 'it takes none'
    throw refused(ref, `the provider takes no parameter "${parameter}"; ${taken}`)
  }
  const alien = ref.scope?.split(' ').find(scope => !provider.scopes?.includes(scope))
  if (alien !== undefined) throw refused(ref, `the scope "${alien}" is not among the provider's configured scopes`)
  return provider
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'there are none' : `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`
}

function refused(ref: Ref, why: string): HotwellError {
  return new HotwellError('invalid_ref', `The token reference "${ref.canonical}" is refused: ${why}.`)
}

function unknownSubject(ref: Ref, why: string): HotwellError {
  return new HotwellError('unknown_subject', `The token "${ref.canonical}" cannot be acquired: ${why}.`)
}
