/** About how long the JSON of a value is. Cheap and not exact: large texts are what matters. */
export function jsonBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 2
  if (Array.isArray(value)) for (const item of value) bytes += jsonBytes(item) + 1
  else for (const name in value) bytes += name.length + 4 + jsonBytes((value as Record<string, unknown>)[name])
  return bytes
}
