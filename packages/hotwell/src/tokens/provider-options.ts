import { HotwellError } from '../core/errors.ts'
import type { Provider, Quota } from './provider.ts'
import { makeRef } from './ref.ts'
import { fingerprint } from './token-key.ts'

/** A timer of 2^31 ms or more would fire at once. */
const longestTimer = Math.floor(2 ** 31 / 1000)

/** The error of a provider that was configured wrongly. The message must not hold a secret. */
export function misconfigured(provider: string, message: string): HotwellError {
  return new HotwellError('invalid_configuration', `${provider}: ${message}`)
}

/** Refuses a misspelt option, which would else be ignored without a word. */
export function refuseUnknownOptions(provider: string, options: object, known: readonly string[]): void {
  if (options === null || typeof options !== 'object') throw misconfigured(provider, 'takes an object of options.')
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw misconfigured(provider, `has no option "${name}". It takes ${known.join(', ')}.`)
    }
  }
}

/** Never shows the value, because most of what is checked here is a secret. */
export function requireText(provider: string, option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  const given = value === undefined ? 'missing' : value === '' ? 'empty' : `of type ${typeof value}`
  throw misconfigured(provider, `the option "${option}" has to be a text that is not empty; it is ${given}.`)
}

export function requirePositiveSeconds(provider: string, option: string, value: number): number {
  if (typeof value === 'number' && value > 0 && value < longestTimer) return value
  const why = `has to be a number of seconds above 0 and below ${longestTimer}; it is ${String(value)}`
  throw misconfigured(provider, `the option "${option}" ${why}.`)
}

/**
 * A URL that secrets or tokens may be sent to: https, or http where nobody can listen in (loopback) or where
 * `allowInsecure` says that this is known.
 */
export function requireUrl(provider: string, option: string, value: unknown, allowInsecure = false): URL {
  const text = requireText(provider, option, value)
  if (!URL.canParse(text)) throw misconfigured(provider, `the option "${option}" is no absolute URL.`)
  const url = new URL(text)
  if (url.username || url.password || url.hash) {
    throw misconfigured(provider, `the option "${option}" must not hold a user, a password or a fragment.`)
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && (allowInsecure || isLoopback(url)))) return url
  throw misconfigured(
    provider,
    `the option "${option}" is ${url.origin}, which is not encrypted. Use https, or set allowInsecure.`,
  )
}

/** Where the tokens may be sent; undefined stays undefined. */
export function requireBaseUrls(
  provider: string,
  value: readonly string[] | undefined,
  allowInsecure?: boolean,
): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw misconfigured(provider, 'the option "baseUrls" has to be a list of URLs.')
  return value.map(one => requireUrl(provider, 'baseUrls', one, allowInsecure).href)
}

export function requireQuota(provider: string, quota: Quota | undefined): Quota | undefined {
  if (quota === undefined) return undefined
  const { perSecond, burst = 1 } = quota
  if (perSecond > 0 && burst >= 1) return quota
  throw misconfigured(provider, 'the option "quota" has to be { perSecond: above 0, burst: 1 or more }.')
}

/** The kinds and subjects of a configuration obey the grammar of refs. */
export function requireRefParts(provider: string, kind: string, subject?: string): void {
  try {
    makeRef({ provider: 'any', kind, subject: subject ?? (kind === 'app' || kind === 'client' ? undefined : 'any') })
  } catch (error) {
    throw misconfigured(provider, (error as Error).message)
  }
}

/** See {@link Provider.credentialVersion}. */
export function credentialVersionOf(...secrets: readonly string[]): string {
  return fingerprint(JSON.stringify(secrets)).slice(0, 12)
}

export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
}
