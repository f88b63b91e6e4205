import { z } from 'zod'

const written = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/i

/** An instant in RFC 3339, or a day, which begins in UTC; read as wall clock, ms. */
export const instantText = z
  .string()
  .meta({ examples: ['2026-01-31T12:00:00Z'] })
  .refine(isInstant, 'has to be an instant such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31')
  .transform(text => Date.parse(text))

/** A whole number in a query. */
export function wholeNumber(least: number, most: number) {
  return z
    .string()
    .refine(
      text => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most,
      `has to be a whole number from ${least} to ${most}`,
    )
    .transform(Number)
}

/** How many days back. */
export const daysText = wholeNumber(1, 90)

/** The parser takes a 30 February for a day in March. */
function isInstant(text: string): boolean {
  if (!written.test(text) || Number.isNaN(Date.parse(text))) return false
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}
