import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchmarks } from './benchmarks.ts'
import { combineRuns } from './harness/combine-runs.ts'
import { htmlReport } from './harness/html-report.ts'
import { thisMachine } from './harness/machine.ts'
import { progress } from './harness/progress.ts'
import { report } from './harness/report.ts'
import type { BenchmarkResult } from './harness/result.ts'
import { textTable } from './harness/text-table.ts'

const usage = `Usage: npm run bench -- NAME [--json] [--html] [--output FILE] [--runs N] [--check]

NAME is one of these, or "all":
${textTable(Object.entries(benchmarks), [
  { title: 'name', cell: ([name]) => name },
  { title: 'what it measures', cell: ([, { about }]) => about },
])}

  --json    print the result as one JSON object { name, figures, goals } (with "all": an array of them)
  --html    write a page with charts, quartiles, goals and the machine, into benchmarks/dist/NAME.html
  --output FILE  write that page there
  --runs N  run it so often, each in a process of its own; figures are then medians of the runs
  --check   exit with 1 when a goal is missed
  --help    print this

Examples:
  npm run bench -- token-get
  npm run bench -- all --check
  npm run --silent bench -- stampede --json
  npm run bench -- sync-batch --html --runs 5
`

process.exitCode = await main()
// Clients that were measured may keep sockets and timers.
process.stdout.write('', () => process.exit())

async function main(): Promise<number> {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  const { values, positionals } = parsed
  const [name] = positionals
  if (values.help || name === undefined) {
    process.stdout.write(usage)
    return 0
  }
  if (positionals.length > 1 || (name !== 'all' && !Object.hasOwn(benchmarks, name))) {
    process.stderr.write(`There is no benchmark "${positionals.join(' ')}".\n\n${usage}`)
    return 2
  }
  const runs = Number(values.runs ?? 1)
  if (!(Number.isInteger(runs) && runs >= 1)) {
    process.stderr.write(`--runs takes a whole number from 1, not "${values.runs}".\n\n${usage}`)
    return 2
  }
  const machine = thisMachine()
  const results = name === 'all' ? await runAll(runs) : [runs === 1 ? await run(name) : await runOften(name, runs)]
  if (values.json) process.stdout.write(`${JSON.stringify(name === 'all' ? results : results[0], null, 2)}\n`)
  else process.stdout.write(results.map(result => `\n${report(result)}`).join(''))
  if (values.html || values.output !== undefined) {
    const path = resolve(values.output ?? fileURLToPath(new URL(`../dist/${name}.html`, import.meta.url)))
    mkdirSync(dirname(path), { recursive: true })
    const described = results.map(result => ({ ...result, about: benchmarks[result.name]?.about ?? '' }))
    writeFileSync(path, htmlReport({ results: described, machine, runs }))
    process.stderr.write(`The page is ${path}\n`)
  }
  return values.check ? check(results) : 0
}

function parse() {
  return parseArgs({
    options: {
      json: { type: 'boolean' },
      html: { type: 'boolean' },
      output: { type: 'string' },
      runs: { type: 'string' },
      check: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
}

async function run(name: string): Promise<BenchmarkResult> {
  const { timeoutSeconds, run } = benchmarks[name]!
  const impatience = setTimeout(() => {
    process.stderr.write(`The benchmark ${name} was ended because it took longer than ${timeoutSeconds} s.\n`)
    process.exit(3)
  }, timeoutSeconds * 1000)
  try {
    return await run()
  } finally {
    clearTimeout(impatience)
  }
}

/** One process each: what one leaves in memory and in the compiler must not change the next one's figures. */
async function runAll(runs: number): Promise<BenchmarkResult[]> {
  const results: BenchmarkResult[] = []
  for (const name of Object.keys(benchmarks)) results.push(await runOften(name, runs))
  return results
}

async function runOften(name: string, runs: number): Promise<BenchmarkResult> {
  const results: BenchmarkResult[] = []
  for (let number = 1; number <= runs; number++) {
    progress(runs === 1 ? `${name} …` : `${name}, run ${number} of ${runs} …`)
    results.push(await runApart(name))
  }
  return combineRuns(results)
}

function runApart(name: string): Promise<BenchmarkResult> {
  return new Promise((resolve, reject) => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), name, '--json']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    process.once('exit', () => child.kill())
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve(JSON.parse(output) as BenchmarkResult)
      else reject(new Error(`The benchmark ${name} ended with code ${code}.`))
    })
  })
}

function check(results: readonly BenchmarkResult[]): number {
  const missed = results.flatMap(({ name, goals }) => goals.filter(goal => !goal.ok).map(goal => ({ name, goal })))
  for (const { name, goal } of missed) {
    process.stderr.write(`Missed: ${name}: ${goal.name} ${goal.goal}; it is ${goal.value}.\n`)
  }
  return missed.length > 0 ? 1 : 0
}
