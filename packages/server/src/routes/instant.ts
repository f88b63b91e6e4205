/** An instant of the wall clock, in milliseconds, as RFC 3339; null for none, and for never. */
export function instant(at: number | undefined): string | null {
  return at === undefined || !Number.isFinite(at) ? null : new Date(at).toISOString()
}
