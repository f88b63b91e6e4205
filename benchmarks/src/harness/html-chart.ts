import type { Figure } from './result.ts'

/** Figures that can be compared: their bars have one scale. */
export interface ChartGroup {
  /** What their names have in common, up to a colon. */
  readonly title: string
  readonly unit: string
  readonly figures: readonly Figure[]
}

/** Beyond that the least of them would be no more than a line. */
const mostLinear = 60
const width = 300
const height = 18

/** Neighbours with the same unit stand together; those with the same beginning apart, unless one of these is alone. */
export function groupsOf(figures: readonly Figure[]): ChartGroup[] {
  return runsOf(figures, ({ unit }) => unit).flatMap(({ key: unit, figures: ofUnit }) => {
    const parts = runsOf(ofUnit, ({ name }) => beginningOf(name))
    if (parts.some(part => part.figures.length === 1)) return { title: '', unit, figures: ofUnit }
    return parts.map(part => ({ title: part.key, unit, figures: part.figures }))
  })
}

function runsOf(figures: readonly Figure[], keyOf: (figure: Figure) => string) {
  const runs: { key: string; figures: Figure[] }[] = []
  for (const figure of figures) {
    const key = keyOf(figure)
    const last = runs.at(-1)
    if (last && last.key === key) last.figures.push(figure)
    else runs.push({ key, figures: [figure] })
  }
  return runs
}

export function beginningOf(name: string): string {
  const colon = name.indexOf(': ')
  return colon > 0 ? name.slice(0, colon) : ''
}

export interface Scale {
  readonly isLogarithmic: boolean
  /** The place of a value, in pixels. */
  readonly place: (value: number) => number
}

/** Undefined where a chart would say nothing: of one figure, or of what may be negative. */
export function scaleOf({ figures }: ChartGroup): Scale | undefined {
  if (figures.length < 2) return undefined
  const all = figures.flatMap(({ value, spread }) => (spread ? [value, spread.least, spread.most] : [value]))
  const [least, most] = [Math.min(...all), Math.max(...all)]
  if (!(least >= 0 && most > 0 && Number.isFinite(most))) return undefined
  const medians = figures.map(({ value }) => value)
  const isLogarithmic = least > 0 && Math.max(...medians) > mostLinear * Math.min(...medians)
  if (!isLogarithmic) return { isLogarithmic, place: value => (value / most) * width }
  // The least one is not at the very edge.
  const from = Math.log(least) - 0.05 * Math.log(most / least)
  return { isLogarithmic, place: value => ((Math.log(value) - from) / (Math.log(most) - from)) * width }
}

/** A bar (a dot, on a logarithmic scale), the box of the middle half of the samples, and a line over all of them. */
export function chartOf({ value, spread }: Figure, { isLogarithmic, place }: Scale): string {
  const middle = height / 2
  const x = (at: number) => place(at).toFixed(1)
  const parts = isLogarithmic ? [] : [`<rect class="bar" y="4" width="${x(value)}" height="${height - 8}" rx="2"/>`]
  if (spread) {
    const { least, lower, upper, most } = spread
    const boxWidth = Math.max(1.5, place(upper) - place(lower)).toFixed(1)
    parts.push(
      `<line class="whisker" x1="${x(least)}" x2="${x(most)}" y1="${middle}" y2="${middle}"/>`,
      `<rect class="box" x="${x(lower)}" y="5.5" width="${boxWidth}" height="${height - 11}"/>`,
    )
  }
  if (isLogarithmic) parts.push(`<circle class="dot" cx="${x(value)}" cy="${middle}" r="4"/>`)
  else if (spread) parts.push(`<line class="median" x1="${x(value)}" x2="${x(value)}" y1="2" y2="${height - 2}"/>`)
  return `<svg viewBox="-5 0 ${width + 10} ${height}" width="${width + 10}" height="${height}" aria-hidden="true">${parts.join('')}</svg>`
}
