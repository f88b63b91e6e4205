/** What a key may do. `admin` stands for all of them. */
export const apiKeyActions = [
  'read',
  'refresh',
  'invalidate',
  'list',
  'accounts',
  'history',
  'metrics',
  'admin',
] as const
export type ApiKeyAction = (typeof apiKeyActions)[number]

/**
 * A test over canonical refs. In a pattern `*` stands for any run of characters, everything else for itself, so
 * `feishu/*` covers each token of that provider and `crm/client` one token only, not `crm/client?scope=admin`.
 */
export function refPattern(patterns: readonly string[]): (canonicalRef: string) => boolean {
  const split = patterns.map(pattern => pattern.split('*'))
  return ref => split.some(parts => matches(parts, ref))
}

/**
 * A test whether every ref that begins so is covered by one of the patterns, with nothing left out: for what concerns a
 * whole site (`court/`), or everything (an empty text).
 */
export function prefixPattern(patterns: readonly string[]): (prefix: string) => boolean {
  const starts = patterns.flatMap(pattern => /^([^*]*)\*+$/.exec(pattern)?.[1] ?? [])
  return prefix => starts.some(start => prefix.startsWith(start))
}

/** Finds each part at its first place behind the former one; that is enough, and takes no time for hostile patterns. */
function matches(parts: readonly string[], ref: string): boolean {
  const first = parts[0]!
  if (parts.length === 1) return ref === first
  const last = parts.at(-1)!
  if (!ref.startsWith(first) || !ref.endsWith(last)) return false
  let position = first.length
  for (const part of parts.slice(1, -1)) {
    const found = ref.indexOf(part, position)
    if (found < 0) return false
    position = found + part.length
  }
  return position <= ref.length - last.length
}
