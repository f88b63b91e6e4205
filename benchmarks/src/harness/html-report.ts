import { beginningOf, type ChartGroup, chartOf, groupsOf, scaleOf } from './html-chart.ts'
import { styles } from './html-styles.ts'
import type { Machine } from './machine.ts'
import { number } from './report.ts'
import type { BenchmarkResult, Figure, Goal } from './result.ts'

/** What a page is made of. */
export interface HtmlReport {
  readonly results: readonly (BenchmarkResult & { readonly about: string })[]
  readonly machine: Machine
  /** So often each benchmark ran. */
  readonly runs: number
}

/** The results as one page that needs nothing else: charts, figures with their quartiles, goals, the machine. */
export function htmlReport({ results, machine, runs }: HtmlReport): string {
  const goals = results.flatMap(result => result.goals)
  const met = goals.filter(({ ok }) => ok).length
  const names = results.map(({ name }) => name).join(', ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hotwell benchmarks: ${escaped(names)}</title>
<style>${styles}</style>
</head>
<body>
<header>
<h1>Hotwell benchmarks</h1>
<p class="summary">${pill(met === goals.length)} ${met} of ${goals.length} goals met</p>
${machineList(machine, runs)}
${results.length > 1 ? contents(results) : ''}
</header>
<main>
${results.map(section).join('\n')}
</main>
<footer>
<p>A figure is the median of its samples. The box spans the middle half of them, from the lower to the upper quartile; the
thin line goes from the least to the greatest. ${
    runs > 1
      ? `The samples are ${runs} runs.`
      : 'Where no quartiles are given, the benchmark keeps no samples: <code>--runs 5</code> takes them from run to run.'
  }
Figures differ from machine to machine; compare those of one run.</p>
</footer>
</body>
</html>
`
}

function section({ name, about, figures, goals }: HtmlReport['results'][number]): string {
  return `<section id="${escaped(name)}">
<h2>${escaped(name)}</h2>
<p class="about">${escaped(about)}</p>
${groupsOf(figures).map(figureTable).join('\n')}
${goals.length > 0 ? goalTable(goals) : ''}
</section>`
}

function figureTable(group: ChartGroup): string {
  const { title, unit, figures } = group
  const scale = scaleOf(group)
  const hasSpread = figures.some(({ spread }) => spread)
  const hasPeers = figures.some(({ peer }) => peer)
  const hasLimits = figures.some(({ limit }) => limit)
  const heads = [
    `<th scope="col">${escaped(title || 'figure')}</th>`,
    scale ? `<th scope="col">${scale.isLogarithmic ? 'logarithmic scale' : ''}</th>` : '',
    `<th scope="col" class="number">median${unit ? `, ${escaped(unit)}` : ''}</th>`,
    hasSpread ? '<th scope="col" class="number">quartiles</th><th scope="col" class="number">samples</th>' : '',
    hasPeers ? '<th scope="col">beside</th>' : '',
    hasLimits ? '<th scope="col">limit</th>' : '',
  ]
  const rows = figures.map(figure => {
    const { name, value, peer = '', limit = '' } = figure
    const short = title && beginningOf(name) === title ? name.slice(title.length + 2) : name
    return `<tr><th scope="row">${escaped(short)}</th>${scale ? `<td class="chart">${chartOf(figure, scale)}</td>` : ''}<td class="number strong">${number(value)}</td>${hasSpread ? spreadCells(figure) : ''}${hasPeers ? `<td>${escaped(peer)}</td>` : ''}${hasLimits ? `<td>${escaped(limit)}</td>` : ''}</tr>`
  })
  return table(heads, rows)
}

function spreadCells({ spread }: Figure): string {
  if (!spread) return '<td></td><td></td>'
  const { least, lower, upper, most, samples } = spread
  const range = `from ${number(least)} to ${number(most)}`
  return `<td class="number" title="${range}">${number(lower)} – ${number(upper)}</td><td class="number">${samples}</td>`
}

function goalTable(goals: readonly Goal[]): string {
  const heads = ['goal', 'limit', 'value', ''].map(
    (head, index) => `<th scope="col"${index === 1 || index === 2 ? ' class="number"' : ''}>${head}</th>`,
  )
  const rows = goals.map(
    ({ name, goal, value, ok }) =>
      `<tr><th scope="row">${escaped(name)}</th><td class="number">${number(goal)}</td><td class="number strong">${number(value)}</td><td>${pill(ok)}</td></tr>`,
  )
  return table(heads, rows)
}

function table(heads: readonly string[], rows: readonly string[]): string {
  return `<div class="table"><table>
<thead><tr>${heads.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`
}

function contents(results: HtmlReport['results']): string {
  const items = results.map(({ name, goals }) => {
    return `<li><a href="#${escaped(name)}">${escaped(name)}</a> ${pill(goals.every(({ ok }) => ok))}</li>`
  })
  return `<nav aria-label="Benchmarks"><ul>${items.join('')}</ul></nav>`
}

function machineList({ processor, cores, memoryGigabytes, system, node, load, at }: Machine, runs: number): string {
  const facts: [string, string][] = [
    ['processor', `${processor}, ${cores} ${cores === 1 ? 'core' : 'cores'}`],
    ['memory', `${memoryGigabytes} GB`],
    ['system', system],
    ['Node.js', node],
    ['load before', load.toFixed(2)],
    ['begun', at.replace('T', ' ').replace(/\..*/, ' UTC')],
    ['runs of each', String(runs)],
  ]
  return `<dl>${facts.map(([name, fact]) => `<div><dt>${name}</dt><dd>${escaped(fact)}</dd></div>`).join('')}</dl>`
}

function pill(ok: boolean): string {
  return ok ? '<span class="ok">met</span>' : '<span class="missed">missed</span>'
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
