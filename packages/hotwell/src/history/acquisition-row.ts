import type { AcquisitionRecord } from '../tokens/acquisition-record.ts'

/** The columns of the table `acquisitions`, in the order of an {@link AcquisitionRow}. */
export const acquisitionColumns = [
  'id',
  'provider',
  'kind',
  'subject',
  'ref',
  'credential_id',
  'status',
  'trigger',
  'unchanged',
  'refresh',
  'attempts',
  'total_ms',
  'provider_ms',
  'login_ms',
  'captcha_attempts',
  'network_retries',
  'queue_wait_ms',
  'fingerprint',
  'error_code',
  'error_message',
  'error_details',
  'generation',
  'node',
  'created_at',
  'started_at',
  'finished_at',
] as const

export type AcquisitionRow = readonly (string | number | null)[]

const longestText = 8192

/**
 * A record as a row: an array, because that is three times cheaper to post to a thread than an object. Whatever a
 * record's maker did wrong becomes null, empty or short here: one bad record must not hold up all that come after it.
 */
export function rowOf(record: AcquisitionRecord): AcquisitionRow {
  return [
    text(record.id) ?? '',
    text(record.provider),
    text(record.kind),
    text(record.subject),
    text(record.ref),
    text(record.credentialId),
    text(record.status),
    text(record.trigger),
    record.unchanged ? 1 : 0,
    record.refresh ? 1 : 0,
    number(record.attempts),
    number(record.totalMs),
    number(record.providerMs),
    number(record.loginMs),
    number(record.captchaAttempts),
    number(record.networkRetries),
    number(record.queueWaitMs),
    text(record.fingerprint),
    text(record.errorCode),
    text(record.errorMessage),
    text(record.errorDetails),
    number(record.generation),
    text(record.node),
    number(record.createdAt),
    number(record.startedAt),
    number(record.finishedAt) ?? 0,
  ]
}

/** A row as it is read. */
export type RecordColumns = Readonly<Record<(typeof acquisitionColumns)[number], string | number | null>>

/** The record that a row was made of. What was not there is undefined. */
export function recordOf(row: RecordColumns): AcquisitionRecord {
  const record: { [Field in keyof AcquisitionRecord]: unknown } = {
    id: row.id,
    provider: row.provider,
    kind: row.kind,
    subject: row.subject ?? undefined,
    ref: row.ref,
    credentialId: row.credential_id ?? undefined,
    status: row.status,
    trigger: row.trigger,
    unchanged: row.unchanged === 1,
    refresh: row.refresh === 1,
    attempts: row.attempts,
    totalMs: row.total_ms,
    providerMs: row.provider_ms,
    loginMs: row.login_ms ?? undefined,
    captchaAttempts: row.captcha_attempts,
    networkRetries: row.network_retries,
    queueWaitMs: row.queue_wait_ms,
    fingerprint: row.fingerprint ?? undefined,
    errorCode: row.error_code ?? undefined,
    errorMessage: row.error_message ?? undefined,
    errorDetails: row.error_details ?? undefined,
    generation: row.generation ?? undefined,
    node: row.node,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at,
  }
  return record as AcquisitionRecord
}

function text(value: unknown): string | null {
  if (typeof value !== 'string') return null
  return value.length > longestText ? `${value.slice(0, longestText - 1)}…` : value
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
