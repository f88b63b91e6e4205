import { HotwellError, parseRef, type Ref, type RefParameter, refParameters } from 'hotwell'

/** Where the refs begin. */
export const tokensPath = '/api/v1/tokens/'

export interface TokenTarget {
  ref: Ref
  minTtlSeconds?: number
}

/**
 * The ref that a URL names, and `minTtlSeconds` where the route takes it. Read from the URL as it came: a router that
 * decodes the path first would turn `%2F` inside a subject into the end of it.
 * `/-/` ends the ref, so that a subject may be called `refresh`.
 * @throws HotwellError `invalid_ref`; `invalid_request` for a parameter that is not known, or stands twice
 */
export function tokenTarget(url: string, options: { minTtl?: boolean } = {}): TokenTarget {
  const question = url.indexOf('?')
  const path = question < 0 ? url : url.slice(0, question)
  const end = path.lastIndexOf('/-/')
  const text = path.slice(tokensPath.length, end < tokensPath.length ? undefined : end)
  if (question < 0) return { ref: parseRef(text) }

  const parameters = new URLSearchParams(url.slice(question + 1))
  const minTtl = options.minTtl ? parameters.getAll('minTtlSeconds') : []
  if (options.minTtl) parameters.delete('minTtlSeconds')
  for (const name of parameters.keys()) {
    if (!refParameters.includes(name as RefParameter)) {
      throw unknownParameter(name, options.minTtl ? ['minTtlSeconds', ...refParameters] : refParameters)
    }
  }
  const query = parameters.toString()
  const ref = parseRef(query === '' ? text : `${text}?${query}`)
  return minTtl.length === 0 ? { ref } : { ref, minTtlSeconds: secondsOf(minTtl) }
}

function secondsOf(values: readonly string[]): number {
  if (values.length === 1 && /^\d{1,9}(?:\.\d{1,3})?$/.test(values[0]!)) return Number(values[0])
  throw new HotwellError('invalid_request', 'minTtlSeconds has to stand once and be a number of seconds from 0 up.')
}

function unknownParameter(name: string, known: readonly string[]): HotwellError {
  const shown = JSON.stringify(name.slice(0, 40))
  return new HotwellError('invalid_request', `The parameter ${shown} is not known here; known are ${known.join(', ')}.`)
}
