import { checkAcquiredToken } from '../acquired-token.ts'
import type { AcquiredToken, AcquireRequest, Provider } from '../provider.ts'
import {
  misconfigured,
  refuseUnknownOptions,
  requireBaseUrls,
  requireQuota,
  requireRefParts,
  requireText,
} from '../provider-options.ts'
import { refParameters } from '../ref.ts'

/** A provider of one's own: the members of {@link Provider}, all but `kinds` and `acquire` optional. */
export interface CustomOptions<Kind extends string = string> extends Omit<Provider<Kind>, 'identity' | 'acquire'> {
  /**
   * What the tokens belong to, never a secret; see {@link Provider.identity}. Give one where a stored token must not be
   * served after a change of the configuration: put in what was changed (a host, a client id).
   * @default 'custom', so that the provider's key in the ref alone tells its tokens apart
   */
  identity?: Provider<Kind>['identity']
  /**
   * Obtains a token. Throw what `providerFailure()` makes to say how a failure is to be treated; a failed `fetch`, a
   * time-out and any other error are taken for retryable ones. Hand `signal` on to whatever takes one: it aborts at the
   * acquisition's deadline.
   */
  acquire(request: AcquireRequest): Promise<AcquiredToken> | AcquiredToken
}

const optionNames = [
  'kinds',
  'acquire',
  'identity',
  'parameters',
  'scopes',
  'knows',
  'dependsOn',
  'attach',
  'rejects',
  'baseUrls',
  'notBeforeSeconds',
  'quota',
  'rotation',
  'credentialVersion',
] as const satisfies readonly (keyof CustomOptions)[]
const methodNames = ['knows', 'dependsOn', 'attach', 'rejects'] as const

/**
 * The thin door to a provider of one's own: checks the options now, and each token when it comes.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function custom<const Kind extends string>(options: CustomOptions<Kind>): Provider<Kind> {
  const me = 'custom provider'
  refuseUnknownOptions(me, options, optionNames)
  const { identity = 'custom', kinds, parameters, scopes, notBeforeSeconds, rotation, credentialVersion } = options
  if (!Array.isArray(kinds) || kinds.length === 0) {
    throw misconfigured(me, `the option "kinds" has to list at least one kind, like ['account'].`)
  }
  for (const kind of kinds) requireRefParts(me, kind)
  if (typeof options.acquire !== 'function') throw misconfigured(me, 'the option "acquire" has to be a function.')
  for (const name of methodNames) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw misconfigured(me, `the option "${name}" has to be a function.`)
    }
  }
  if (typeof identity !== 'function') requireText(me, 'identity', identity)
  for (const parameter of parameters ?? []) {
    if (!refParameters.includes(parameter)) {
      throw misconfigured(me, `"${parameter}" is no parameter of a ref; there are ${refParameters.join(', ')}.`)
    }
  }
  if (scopes !== undefined && !parameters?.includes('scope')) {
    throw misconfigured(me, `"scopes" are given, but refs take no scope: add parameters: ['scope'].`)
  }
  if (notBeforeSeconds !== undefined && !(notBeforeSeconds >= 0)) {
    throw misconfigured(me, `the option "notBeforeSeconds" has to be 0 or more; it is ${String(notBeforeSeconds)}.`)
  }
  return {
    identity,
    kinds,
    parameters,
    scopes,
    async acquire(request) {
      request.signal.throwIfAborted()
      return checkAcquiredToken(await options.acquire(request), 'The acquire function of this custom provider')
    },
    knows: options.knows && (ref => options.knows!(ref)),
    dependsOn: options.dependsOn && (ref => options.dependsOn!(ref)),
    attach: options.attach && ((request, token) => options.attach!(request, token)),
    rejects: options.rejects && (reply => options.rejects!(reply)),
    // Whoever writes an own provider decides what its API may be; plain http is not refused here.
    baseUrls: requireBaseUrls(me, options.baseUrls, true),
    notBeforeSeconds,
    quota: requireQuota(me, options.quota),
    rotation,
    credentialVersion,
  }
}
