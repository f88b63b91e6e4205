/**
 * Orders ids by the bytes of their UTF-8, as SQLite's BINARY and PostgreSQL's `COLLATE "C"` do. JavaScript's `<` does
 * not: it puts an emoji, which is two surrogates, before a full-width letter. Negative, zero or positive.
 */
export function compareIds(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let index = 0; index < shorter; index++) {
    const one = a.charCodeAt(index)
    const other = b.charCodeAt(index)
    if (one !== other) return rank(one) - rank(other)
  }
  return a.length - b.length
}

/** Surrogates, which make code points beyond U+FFFF, come after all other code units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
