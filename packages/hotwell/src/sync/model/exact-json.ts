/** Sixteen digits, written out: as a loop it would take ten times as long. Texts may match; that costs time only. */
const manyDigits = /[:,[\s-]\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/
const largeExponent = /\d[eE][+-]?\d\d\d/

/**
 * `JSON.parse` that changes no number: what JavaScript would round or make infinite, an integer beyond 2^53 or `1e400`,
 * becomes the text that was written, as it does where SQL tables are read.
 * @throws SyntaxError
 */
export function exactJson(text: string): unknown {
  if (!mayLoseDigits(text)) return JSON.parse(text)
  return JSON.parse(text, exactly as (key: string, value: unknown) => unknown)
}

/** Whether `JSON.parse` might change a number in it; also for many texts at once, in any encoding that has ASCII. */
export function mayLoseDigits(text: string): boolean {
  return manyDigits.test(text) || largeExponent.test(text)
}

function exactly(_: string, value: unknown, { source = '' }: { source?: string }): unknown {
  if (typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value
  const isMeasured = Number.isFinite(value) && /[eE]/.test(source)
  return isMeasured ? value : source
}
