import type { HistoryRecordReply, HistoryStatisticsReply } from '../client/history-requests.ts'
import { when } from './instant.ts'
import { percent, table } from './output.ts'

/** A page of past acquisitions. */
export function historyTable(records: readonly HistoryRecordReply[]): string {
  if (records.length === 0) return 'No acquisition was found.'
  const rows = records.map(({ finishedAt, ref, trigger, status, attempts, totalMs, queueWaitMs, errorMessage }) => [
    when(finishedAt),
    ref,
    trigger,
    status,
    String(attempts),
    seconds(totalMs / 1000),
    queueWaitMs >= 1 ? seconds(queueWaitMs / 1000) : '',
    errorMessage ?? '',
  ])
  return table(['Finished', 'Token', 'Why', 'Status', 'Attempts', 'Took', 'Waited', 'Error'], rows)
}

/** What acquisitions came to, in tables. */
export function statisticsReport(statistics: HistoryStatisticsReply): string {
  const { total, successRate, meanSeconds, fromAt, toAt, byStatus, bySite, byDay, byAccount } = statistics
  const time = `${when(fromAt)} to ${when(toAt)}`
  if (total === 0) return `No acquisition from ${time}.`
  const figures = ['Acquisitions', 'Successful', 'Mean']
  const sections = [
    `${total} acquisitions from ${time}, ${percent(successRate)} successful, ${seconds(meanSeconds)} in the mean`,
    table(
      ['Status', 'Acquisitions', 'Share'],
      Object.entries(byStatus).map(([status, count]) => [status, String(count), percent(count / total)]),
    ),
    table(
      ['Site', ...figures],
      bySite.map(site => [site.site, ...outcome(site)]),
    ),
    table(
      ['Day (UTC)', ...figures],
      byDay.map(day => [day.day, ...outcome(day)]),
    ),
  ]
  if (byAccount.length > 0) {
    const rows = byAccount.map(account => [
      `${account.site}/${account.kind}/${account.account}`,
      ...outcome(account),
      seconds(account.p50Seconds),
      seconds(account.p95Seconds),
      when(account.lastSuccessAt),
    ])
    sections.push(table(['Account', ...figures, 'P50', 'P95', 'Last success'], rows))
  }
  return sections.join('\n\n')
}

function outcome({ total, successRate, meanSeconds }: { total: number; successRate: number; meanSeconds: number }) {
  return [String(total), percent(successRate), seconds(meanSeconds)]
}

/** A duration with as much as people read of it: `0.12 s`, `47 s`. */
export function seconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} s`
}
