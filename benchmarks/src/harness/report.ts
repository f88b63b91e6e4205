import type { BenchmarkResult, Figure, Goal } from './result.ts'
import { textTable } from './text-table.ts'

/** The result as people read it: each figure with its peer and limit, then each goal. */
export function report({ name, figures, goals }: BenchmarkResult): string {
  const figureTable = textTable<Figure>(figures, [
    { title: 'figure', cell: row => row.name },
    { title: 'value', align: 'right', cell: row => number(row.value) },
    { title: 'unit', cell: row => row.unit },
    { title: 'quartiles', cell: quartiles },
    { title: 'beside', cell: row => row.peer ?? '' },
    { title: 'limit', cell: row => row.limit ?? '' },
  ])
  const goalTable = textTable<Goal>(goals, [
    { title: 'goal', cell: row => row.name },
    { title: 'limit', align: 'right', cell: row => number(row.goal) },
    { title: 'value', align: 'right', cell: row => number(row.value) },
    { title: '', cell: row => (row.ok ? 'ok' : 'MISSED') },
  ])
  return `${name}\n\n${figureTable}\n\n${goalTable}\n`
}

function quartiles({ spread }: Figure): string {
  return spread ? `${number(spread.lower)} – ${number(spread.upper)}` : ''
}

/** With separators, and no more digits than a measurement holds. */
export function number(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(value)
}
