const number = /^-?[\d,.]+(?:e[-+]\d+)?(?:%| s)?$/

/** Aligned columns, those of numbers to the right; the titles are the first row. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const [titles = [], ...body] = rows
  const columns = titles.map((title, index) => {
    const cells = body.map(row => row[index] ?? '')
    const width = Math.max(title.length, ...cells.map(cell => cell.length))
    return { width, isNumeric: cells.every(cell => cell === '' || number.test(cell)) }
  })
  const line = (row: readonly string[]) =>
    columns
      .map(({ width, isNumeric }, index) => {
        const cell = row[index] ?? ''
        return isNumeric ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const rule = columns.map(({ width }) => '-'.repeat(width)).join('  ')
  return [line(titles), rule, ...body.map(line)].join('\n')
}
