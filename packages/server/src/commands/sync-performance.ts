import { serverClient } from '../client/server-client.ts'
import type { RunReportReply } from '../routes/run-report.ts'
import { print, printJson, table } from './output.ts'
import { clientCommand } from './server-options.ts'
import { syncRequests } from './sync-requests.ts'

/** `hotwell sync performance [RUN]`: rates, stages and failures of all syncs, or of one run. */
export const syncPerformanceCommand = () =>
  clientCommand('performance')
    .summary('show how fast and how well syncs run')
    .description(
      'Shows rates, stages, transactions and failures since the server began, or those of one run that has ended.',
    )
    .argument('[run]', 'the id of a run')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell sync performance
  $ hotwell sync performance 0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b
  $ hotwell sync performance --json | jq .all.recordsPerSecond`,
    )
    .action(async (run, { url, json }) => {
      const requests = syncRequests(serverClient({ url }))
      if (run !== undefined) {
        const report = await requests.report(run)
        return json ? printJson(report) : print(reportText(report))
      }
      const { text, ...figures } = await requests.performance()
      if (json) printJson(figures)
      else print(text)
    })

const stageNames = { readMs: 'read', prepareMs: 'prepare', delayMs: 'buffer delay', writeMs: 'write' } as const
const whole = (count: number) => Math.round(count).toLocaleString('en')

function reportText(report: RunReportReply): string {
  const { sync, state, run, processed, durationMs, recordsPerSecond, cpuSeconds, peakRssBytes, stages } = report
  const rows = Object.entries(stageNames).map(([stage, name]) => {
    const { count, mean, p50, p95, p99, max } = stages[stage as keyof typeof stages]
    return [name, whole(count), ...[mean, p50, p95, p99, max].map(ms => ms.toFixed(1))]
  })
  return [
    `${sync}: ${state} (run ${run})`,
    `  ${whole(processed)} records in ${(durationMs / 1000).toFixed(1)} s, ${whole(recordsPerSecond)} a second`,
    `  ${whole(report.transactions)} transactions, begun ${whole(report.attempts)} times; ${whole(report.failed)} records in the dead letters`,
    `  ${cpuSeconds.toFixed(1)} s of CPU, ${whole(peakRssBytes / 1024 / 1024)} MB at most, of the whole server`,
    '',
    table(['Stage, in ms', 'Times', 'Mean', 'P50', 'P95', 'P99', 'Max'], rows),
  ].join('\n')
}
