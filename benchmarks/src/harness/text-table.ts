export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  cell(row: Row): string
}

/** Rows with aligned columns. Columns in which every cell is empty are left out. */
export function textTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const used = columns.filter(column => rows.some(row => column.cell(row) !== ''))
  const cells = [used.map(column => column.title), ...rows.map(row => used.map(column => column.cell(row)))]
  const widths = used.map((_, index) => Math.max(...cells.map(line => line[index]!.length)))
  const lines = cells.map(line =>
    line
      .map((cell, index) =>
        used[index]!.align === 'right' ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd(),
  )
  lines.splice(1, 0, widths.map(width => '-'.repeat(width)).join('  '))
  return lines.join('\n')
}
