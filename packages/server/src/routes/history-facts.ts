import type { AcquisitionRecord } from 'hotwell'
import type { HistoryStatistics } from 'hotwell/history'
import type { RecordReply, StatisticsReply } from './history-schemas.ts'
import { instant } from './instant.ts'

/** An acquisition as it goes over HTTP: instants in RFC 3339, and null where nothing is to say. */
export function recordReplyOf(record: AcquisitionRecord): RecordReply {
  const { subject, credentialId, loginMs, fingerprint, errorCode, errorMessage, errorDetails, generation } = record
  return {
    ...record,
    subject: subject ?? null,
    credentialId: credentialId ?? null,
    loginMs: loginMs ?? null,
    fingerprint: fingerprint ?? null,
    errorCode: errorCode ?? null,
    errorMessage: errorMessage ?? null,
    errorDetails: errorDetails ?? null,
    generation: generation ?? null,
    createdAt: new Date(record.createdAt).toISOString(),
    startedAt: instant(record.startedAt),
    finishedAt: new Date(record.finishedAt).toISOString(),
  }
}

export function statisticsReplyOf(statistics: HistoryStatistics): StatisticsReply {
  const { fromAt, toAt, byStatus, bySite, byDay, byAccount, ...outcome } = statistics
  return {
    ...outcome,
    fromAt: new Date(fromAt).toISOString(),
    toAt: new Date(toAt).toISOString(),
    byStatus: { ...byStatus } as Record<string, number>,
    bySite: [...bySite],
    byDay: [...byDay],
    byAccount: byAccount.map(({ lastSuccessAt, ...one }) => ({ ...one, lastSuccessAt: instant(lastSuccessAt) })),
  }
}
