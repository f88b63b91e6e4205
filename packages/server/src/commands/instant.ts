import { InvalidArgumentError } from '@commander-js/extra-typings'

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const span = /^(\d{1,6})([mhd])$/
const written = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i

/** `2h` or `7d` ago, or an instant as it is written; without a zone it is this machine's, a day alone begins in UTC. */
export const past = (text: string): string => instant(text, -1)

/** `2h` or `7d` from now, or an instant as it is written. */
export const future = (text: string): string => instant(text, 1)

/** @throws InvalidArgumentError for what is neither */
function instant(text: string, direction: 1 | -1): string {
  const [, count, unit] = span.exec(text) ?? []
  const at = count ? Date.now() + direction * Number(count) * unitMs[unit as keyof typeof unitMs] : parsed(text)
  const date = new Date(at)
  if (!Number.isNaN(date.getTime())) return date.toISOString()
  throw new InvalidArgumentError('It has to be like 2026-11-21, 2026-11-21T08:30:00Z, or 30m, 12h, 7d.')
}

function parsed(text: string): number {
  return written.test(text) ? Date.parse(text) : Number.NaN
}

/** An instant of a reply as people read it: `2026-11-21 08:30:00` of this machine's zone; empty when there is none. */
export function when(instant: string | number | null | undefined): string {
  if (instant === undefined || instant === null) return ''
  const date = new Date(instant)
  return Number.isNaN(date.getTime()) ? String(instant) : date.toLocaleString('sv-SE')
}
