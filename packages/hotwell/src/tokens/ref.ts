import { HotwellError } from '../core/errors.ts'

/** The parameters a ref may carry. A provider declares which of them it takes. */
export const refParameters = ['audience', 'resource', 'scope'] as const
export type RefParameter = (typeof refParameters)[number]

/**
 * Names a token: `provider/kind[/subject][?scope=…]`. Made by {@link parseRef} or {@link makeRef}, so always canonical:
 * parameters sorted and without doubles, the subject percent-encoded as one path segment.
 */
export interface Ref {
  /** The key of the provider in the manager's options, `[a-z][a-z0-9_-]{0,63}`. */
  readonly provider: string
  /** Whose token: `app`, `client`, `tenant`, `user`, `account`, or the provider's own, `[a-z][a-z0-9_-]{0,63}`. */
  readonly kind: string
  /** Which tenant, user or account: 1 to 256 bytes of UTF-8, decoded, case-sensitive. */
  readonly subject?: string
  /** Space-separated scopes, sorted, without doubles (RFC 6749 section 3.3). */
  readonly scope?: string
  /** The audience asked for. */
  readonly audience?: string
  /** The resource asked for (RFC 8707). */
  readonly resource?: string
  /** The canonical form. Two refs name the same token exactly when these are equal. */
  readonly canonical: string
}

/** The parts of a ref as people write them in code. */
export interface RefParts {
  provider: string
  kind: string
  subject?: string
  /** One string of space-separated scopes, or a list. */
  scope?: string | readonly string[]
  audience?: string
  resource?: string
}

const name = /^[a-z][a-z0-9_-]{0,63}$/
const longestRef = 4096
const longestSubject = 256
// RFC 6749 section 3.3: printable ASCII less quote and backslash.
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const control = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Reads a ref as people and URLs write it.
 * @throws HotwellError `invalid_ref`, naming what is wrong
 */
export function parseRef(text: string): Ref {
  if (typeof text !== 'string' || text.length === 0) throw invalid(text, 'it is empty')
  if (text.length > longestRef) throw invalid(text, `it is longer than ${longestRef} characters`)
  const question = text.indexOf('?')
  const path = question < 0 ? text : text.slice(0, question)
  const segments = path.split('/')
  if (segments.length < 2 || segments.length > 3) {
    throw invalid(text, 'it has to be provider/kind or provider/kind/subject, a slash in a subject written as %2F')
  }
  const [provider, kind, encoded] = segments as [string, string, string | undefined]
  const parts: RefParts = { provider, kind }
  if (encoded !== undefined) parts.subject = decodeSubject(text, encoded)
  if (question >= 0) Object.assign(parts, parseParameters(text, text.slice(question + 1)))
  return build(parts, text)
}

/**
 * Makes a ref from its parts.
 * @throws HotwellError `invalid_ref`, naming what is wrong
 */
export function makeRef(parts: RefParts): Ref {
  checkTypes(parts)
  return build(parts, [parts.provider, parts.kind, parts.subject].filter(part => part !== undefined).join('/'))
}

/** `app` and `client` take no subject, `account` may, all other kinds must. */
export function subjectRule(kind: string): 'none' | 'optional' | 'required' {
  if (kind === 'app' || kind === 'client') return 'none'
  return kind === 'account' ? 'optional' : 'required'
}

/** `court_zxfw/account` without a subject means "any good account"; it has no token of its own. */
export function isSelector(ref: Ref): boolean {
  return ref.subject === undefined && subjectRule(ref.kind) === 'optional'
}

function build(parts: RefParts, shown: string): Ref {
  const { provider, kind, subject, audience, resource } = parts
  if (!name.test(provider)) throw invalid(shown, `the provider "${clip(provider)}" has to match ${name.source}`)
  if (!name.test(kind)) throw invalid(shown, `the kind "${clip(kind)}" has to match ${name.source}`)
  if (subject !== undefined) checkSubject(shown, subject)
  const rule = subjectRule(kind)
  if (rule === 'none' && subject !== undefined) throw invalid(shown, `a token of kind "${kind}" takes no subject`)
  if (rule === 'required' && subject === undefined) throw invalid(shown, `a token of kind "${kind}" needs a subject`)
  const scope = parts.scope === undefined ? undefined : canonicalScope(shown, parts.scope)
  for (const value of [audience, resource]) {
    if (value !== undefined && (value === '' || control.test(value))) {
      throw invalid(shown, 'a parameter is empty or holds control characters')
    }
  }
  const parameters = [
    audience === undefined ? undefined : `audience=${encodeURIComponent(audience)}`,
    resource === undefined ? undefined : `resource=${encodeURIComponent(resource)}`,
    scope === undefined ? undefined : `scope=${encodeURIComponent(scope).replaceAll('%20', '+')}`,
  ].filter(parameter => parameter !== undefined)
  const path = subject === undefined ? `${provider}/${kind}` : `${provider}/${kind}/${encodeURIComponent(subject)}`
  const canonical = parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
  if (canonical.length > longestRef) throw invalid(shown, `it is longer than ${longestRef} characters`)
  return Object.freeze({ provider, kind, subject, scope, audience, resource, canonical })
}

function decodeSubject(text: string, encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw invalid(text, 'the subject is not percent-encoded UTF-8')
  }
}

/** Callers without types, and programs that read refs from JSON, get the same clear error as everybody. */
function checkTypes(parts: RefParts): void {
  if (parts === null || typeof parts !== 'object') {
    throw invalid(parts, 'it has to be a text, or an object with provider and kind')
  }
  const { provider, kind, subject = '', audience = '', resource = '', scope = '' } = parts
  const texts = { provider, kind, subject, audience, resource }
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value !== 'string') throw invalid(provider, `its ${name} has to be a text, not of type ${typeof value}`)
  }
  if (![scope].flat().every(one => typeof one === 'string')) {
    throw invalid(provider, 'its scope has to be a text or a list of texts')
  }
}

function checkSubject(shown: string, subject: string): void {
  const bytes = Buffer.byteLength(subject)
  if (bytes === 0) throw invalid(shown, 'the subject is empty')
  if (bytes > longestSubject)
    throw invalid(shown, `the subject has ${bytes} bytes, at most ${longestSubject} are allowed`)
  if (control.test(subject)) throw invalid(shown, 'the subject holds control characters')
  if (!subject.isWellFormed()) throw invalid(shown, 'the subject is not well-formed Unicode')
  if (subject === '.' || subject === '..') throw invalid(shown, 'the subject would be taken for a relative path')
}

function parseParameters(text: string, query: string): Partial<RefParts> {
  const parameters: Partial<RefParts> = {}
  for (const [key, value] of new URLSearchParams(query)) {
    if (!refParameters.includes(key as RefParameter)) {
      throw invalid(text, `"${clip(key)}" is no parameter of a ref; there are ${refParameters.join(', ')}`)
    }
    if (parameters[key as RefParameter] !== undefined) throw invalid(text, `the parameter "${key}" stands twice`)
    parameters[key as RefParameter] = value
  }
  return parameters
}

function canonicalScope(shown: string, scope: string | readonly string[]): string {
  const list = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : scope
  if (list.length === 0) throw invalid(shown, 'the scope is empty')
  for (const one of list)
    if (!scopeToken.test(one)) throw invalid(shown, `the scope "${clip(one)}" has characters that a scope cannot have`)
  return [...new Set(list)].sort().join(' ')
}

function invalid(text: unknown, why: string): HotwellError {
  return new HotwellError('invalid_ref', `The token reference "${clip(String(text))}" is not valid: ${why}.`)
}

function clip(text: string): string {
  const printable = String(text).replace(new RegExp(control, 'g'), '\ufffd')
  return printable.length > 80 ? `${printable.slice(0, 80)}…` : printable
}
