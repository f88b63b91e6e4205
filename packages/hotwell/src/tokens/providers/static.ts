import { checkAcquiredToken } from '../acquired-token.ts'
import { providerFailure } from '../failure.ts'
import type { Provider } from '../provider.ts'
import {
  misconfigured,
  refuseUnknownOptions,
  requireBaseUrls,
  requireRefParts,
  requireText,
} from '../provider-options.ts'
import { parseRef, type Ref } from '../ref.ts'
import { fingerprint } from '../token-key.ts'

/** When a configured token ends: milliseconds since 1970, a Date, or a text like `2027-01-31T12:00:00Z`. */
export type Expiry = number | Date | string

/** A token with an end of its own. */
export interface StaticTokenEntry {
  value: string
  expiresAt?: Expiry
}

interface StaticTokenSettings extends Pick<Provider, 'attach' | 'rejects' | 'baseUrls'> {
  /** When the tokens end. Default: never. */
  expiresAt?: Expiry
}

/** One token for one kind, whatever the subject. */
export interface SingleStaticToken<Kind extends string> extends StaticTokenSettings {
  value: string
  /** @default 'app' */
  kind?: Kind
}

/** Tokens by `kind` or `kind/subject`, as they stand in a ref after the provider: `{ 'tenant/acme': '…' }`. */
export interface StaticTokens<Path extends string> extends StaticTokenSettings {
  tokens: Readonly<Record<Path, string | StaticTokenEntry>>
}

type KindOf<Path extends string> = Path extends `${infer Kind}/${string}` ? Kind : Path

const me = 'static provider'

/**
 * Tokens handed in by configuration: issued elsewhere, never renewed. After its end, or once the API rejects it, a token
 * has to be replaced in the configuration; a replaced one is taken at once.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function staticToken<const Kind extends string = 'app'>(options: SingleStaticToken<Kind>): Provider<Kind>
export function staticToken<const Path extends string>(options: StaticTokens<Path>): Provider<KindOf<Path>>
export function staticToken(options: SingleStaticToken<string> | StaticTokens<string>): Provider {
  const { find, kinds } = 'tokens' in options ? several(options) : single(options)
  return {
    // The value's fingerprint is part of the identity: a store must not go on serving a value that was replaced.
    identity: ref => `static|${fingerprint(find(ref)?.value ?? '').slice(0, 16)}`,
    kinds,
    knows: ref => find(ref) !== undefined,
    async acquire({ ref, signal, clock }) {
      signal.throwIfAborted()
      const entry = find(ref)
      if (!entry) {
        throw providerFailure({ code: 'unknown_subject', message: `No token is configured for ${ref.canonical}.` })
      }
      const { value, expiresAt } = entry
      const expiresInSeconds = (expiresAt - clock.now()) / 1000
      if (expiresInSeconds > 0) return { value, expiresInSeconds }
      throw providerFailure({
        code: 'credentials_rejected',
        scope: 'ref',
        message: `The token configured for ${ref.canonical} ended at ${new Date(expiresAt).toISOString()}. Put a new one into the configuration.`,
      })
    },
    attach: options.attach,
    rejects: options.rejects,
    baseUrls: requireBaseUrls(me, options.baseUrls, true),
  }
}

interface Configured {
  find: (ref: Ref) => { value: string; expiresAt: number } | undefined
  kinds: readonly string[]
}

function single(options: SingleStaticToken<string>): Configured {
  refuseUnknownOptions(me, options, ['value', 'kind', 'expiresAt', 'attach', 'rejects', 'baseUrls'])
  const { kind = 'app', value, expiresAt } = options
  requireRefParts(me, kind)
  const entry = entryOf('value', { value, expiresAt })
  return { find: ref => (ref.kind === kind ? entry : undefined), kinds: [kind] }
}

function several(options: StaticTokens<string>): Configured {
  refuseUnknownOptions(me, options, ['tokens', 'expiresAt', 'attach', 'rejects', 'baseUrls'])
  const { tokens, expiresAt } = options
  const entries = new Map<string, ReturnType<typeof entryOf>>()
  const kinds = new Set<string>()
  for (const [path, token] of Object.entries(tokens ?? {})) {
    const ref = refOf(path)
    kinds.add(ref.kind)
    const given = typeof token === 'string' ? { value: token } : token
    entries.set(pathOf(ref), entryOf(`tokens["${path}"]`, { expiresAt, ...given }))
  }
  if (entries.size === 0) throw misconfigured(me, `the option "tokens" has to name a token, like { 'tenant/acme': … }.`)
  return { find: ref => entries.get(pathOf(ref)), kinds: [...kinds] }
}

function entryOf(option: string, { value, expiresAt }: StaticTokenEntry): { value: string; expiresAt: number } {
  requireText(me, option, value)
  const at = expiresAt === undefined || expiresAt === Infinity ? Infinity : new Date(expiresAt).getTime()
  if (Number.isNaN(at)) throw misconfigured(me, `the expiresAt of ${option} is no date.`)
  try {
    checkAcquiredToken({ value, expiresInSeconds: Infinity }, `The option "${option}"`)
  } catch (error) {
    throw misconfigured(me, (error as Error).message)
  }
  return { value, expiresAt: at }
}

function refOf(path: string): Ref {
  try {
    return parseRef(`static/${path}`)
  } catch (error) {
    throw misconfigured(me, `"${path}" in "tokens" is not kind or kind/subject: ${(error as Error).message}`)
  }
}

/** A ref without its provider, whose key is chosen in the manager's options. */
function pathOf(ref: Ref): string {
  return ref.canonical.slice(ref.provider.length + 1)
}
