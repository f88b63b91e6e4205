import type { HealthReply, MetricsReply } from '../client/performance-requests.ts'
import { seconds } from './history-report.ts'
import { when } from './instant.ts'
import type { OptimizationResult } from './optimization.ts'
import { percent, singleLine, table } from './output.ts'

/** The report of `hotwell optimize` for people: a section for each step that was asked for. */
export function optimizeReport(result: OptimizationResult): string {
  const { health, cleanup, warmUp, concurrency, metricsReset, failures } = result
  const sections = [`${result.server}, ${when(result.at)}`]
  if (health) sections.push(section(`Health: ${health.state}`, healthLines(health)))
  if (cleanup) sections.push(section('Clean-up', cleanupLines(cleanup)))
  if (warmUp) sections.push(section('Warm-up', warmUp.flatMap(warmUpLines)))
  if (concurrency) sections.push(section('Concurrency', concurrencyLines(concurrency)))
  if (metricsReset) sections.push(section('Metrics', ['The live figures begin anew; the history is kept.']))
  if (failures.length > 0) {
    sections.push(
      section(
        'Failed',
        failures.map(({ step, message }) => `${step}: ${singleLine(message)}`),
      ),
    )
  }
  return sections.join('\n\n')
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.flatMap(line => line.split('\n')).map(line => `  ${line}`)].join('\n')
}

function healthLines({ alerts, anomalies, metrics }: HealthReply & { metrics: MetricsReply }): string[] {
  const lines = [...figureLines(metrics)]
  if (alerts.length > 0) {
    const rows = alerts.map(({ severity, rule, message, sinceAt }) => [severity, rule, when(sinceAt), message])
    lines.push(table(['Severity', 'Alert', 'Since', 'What'], rows))
  } else lines.push('No alert.')
  for (const anomaly of anomalies) lines.push(`Unusual: ${singleLine(anomaly.message ?? JSON.stringify(anomaly))}`)
  return lines
}

function figureLines(metrics: MetricsReply): string[] {
  if (metrics.totalAcquisitions === 0) return [`No acquisition yet; ${metrics.concurrent} under way.`]
  const { timeouts, networkErrors, captchaErrors, credentialErrors } = metrics
  const lines = [
    `${metrics.totalAcquisitions} acquisitions, ${percent(metrics.successRate)} successful, ${metrics.concurrent} under way`,
    `${seconds(metrics.avgDurationSeconds)} in the mean, ${seconds(metrics.p95Seconds)} at most for 95% of them`,
    `${percent(metrics.cacheHitRate)} of the lookups answered from memory`,
  ]
  if (metrics.failed > 0) {
    const kinds = {
      timeouts,
      'network errors': networkErrors,
      'captcha errors': captchaErrors,
      'credential errors': credentialErrors,
    }
    const named = Object.entries(kinds).filter(([, count]) => count > 0)
    const other = metrics.failed - named.reduce((sum, [, count]) => sum + count, 0)
    if (other > 0) named.push(['others', other])
    lines.push(`${metrics.failed} failed; ${named.map(([name, count]) => `${name}: ${count}`).join(', ')}`)
  }
  return lines
}

function cleanupLines({ days, historyRecords, ...dropped }: NonNullable<OptimizationResult['cleanup']>): string[] {
  const counts = Object.entries(dropped).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return [
    `Dropped of the history, older than ${days} days: ${historyRecords}`,
    ...counts.map(([name, count]) => `Dropped ${wordsOf(name)}: ${count}`),
  ]
}

function warmUpLines(result: NonNullable<OptimizationResult['warmUp']>[number]): string[] {
  const { site, warm, failed, pending, progress } = result
  const left = progress.secondsLeft ? `, about ${seconds(progress.secondsLeft)} more` : ''
  const late = pending.length > 0 ? `, ${pending.length} still under way${left}` : ''
  const lines = [`${site}: ${warm.length} warm, ${failed.length} failed${late}`]
  if (failed.length === 0) return lines
  return [...lines, ...failed.map(({ ref, code, message }) => `  ${ref}: ${singleLine(message)} (${code})`)]
}

function concurrencyLines({
  recommendations,
  applied,
  changeId,
  undone,
  logins,
  others,
}: NonNullable<OptimizationResult['concurrency']>): string[] {
  if (undone !== undefined) return [`The change ${undone} is taken back.`]
  if (recommendations.length === 0) {
    const why = Object.entries({ Logins: logins, Others: others }).filter(([, section]) => section !== undefined)
    return ['There is nothing to change.', ...why.map(([name, section]) => `${name}: ${singleLine(section!.verdict)}`)]
  }
  const rows = recommendations.map(({ field, current, recommended, confidence, reason }) => [
    field,
    String(current),
    String(recommended),
    percent(confidence),
    reason,
  ])
  const lines = [table(['Limit', 'Now', 'Better', 'Confidence', 'Why'], rows)]
  if (applied || changeId) lines.push(`In force now. Undo: hotwell optimize --optimize-concurrency --undo ${changeId}`)
  else lines.push('Not in force. Apply: hotwell optimize --optimize-concurrency --apply')
  return lines
}

/** `settledReservations` as `settled reservations`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}
