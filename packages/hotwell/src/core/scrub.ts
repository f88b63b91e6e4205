const mark = '[redacted]'
const shortest = 4
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi
const named =
  /(["']?[\w-]*(?:secret|password|passwd|pwd|token|ticket|api[_-]?key|authorization|assertion)["']?\s*[:=]\s*)(?!\[redacted\])("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"'}\]]+)/gi

/**
 * Takes secrets out of a text that somebody else wrote: the values that are known, and what stands behind a telling
 * name or in an authorization header. A text that is clean already comes back as it is.
 */
export function scrub(text: string, secrets: Iterable<string | undefined> = []): string {
  let result = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < shortest) continue
    result = result.replaceAll(secret, mark)
    const encoded = encodeURIComponent(secret)
    if (encoded !== secret) result = result.replaceAll(encoded, mark)
  }
  return result.replace(bearer, `$1 ${mark}`).replace(named, `$1${mark}`)
}
