import Table from 'cli-table3'

/** Writes one line to standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Writes a value for programs: JSON, indented. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** A table for people, without colours. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = new Table({ head: [...head], style: { head: [], border: [], 'padding-left': 0 }, chars: plainBorders })
  lines.push(...rows.map(row => row.map(singleLine)))
  return lines.toString().replace(/ +$/gm, '')
}

const plainBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
}

/** Text of others, such as an error message of a site, must not move the cursor of a terminal, nor break a row. */
export function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
}

/** A share as people read it: `97.5%`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

/** Seconds as people read them: `47 s`, `12 min`, `1 h 59 min`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
