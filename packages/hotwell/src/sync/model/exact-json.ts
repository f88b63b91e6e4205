/** Deeper values are refused, whatever numbers they hold. */
const deepest = 200

/**
 * `JSON.parse` that changes no number: what JavaScript would round or make infinite, an integer beyond 2^53 or `1e400`,
 * becomes the text that was written, as it does where SQL tables are read.
 * @throws SyntaxError
 */
export function exactJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // Hearing of each value as it is parsed would take ten times as long.
  return mayBeRounded(value, 0) ? JSON.parse(text, exactly as (key: string, value: unknown) => unknown) : value
}

/** Whether it is or holds a number beyond those that are exact. */
function mayBeRounded(value: unknown, level: number): boolean {
  if (typeof value === 'number') return isBeyond(value)
  if (typeof value !== 'object' || value === null || level > deepest) return false
  if (Array.isArray(value)) return value.some(item => mayBeRounded(item, level + 1))
  for (const name in value) {
    const field = (value as Record<string, unknown>)[name]
    if (typeof field === 'number' ? isBeyond(field) : typeof field === 'object' && mayBeRounded(field, level + 1))
      return true
  }
  return false
}

function isBeyond(value: number): boolean {
  return value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER
}

function exactly(_: string, value: unknown, { source = '' }: { source?: string }): unknown {
  if (typeof value !== 'number' || !isBeyond(value)) return value
  const isMeasured = Number.isFinite(value) && /[eE]/.test(source)
  return isMeasured ? value : source
}
