import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'

let made = 0

/** A finished acquisition of its own, with whatever a test wants to be different. */
export function record(differences: Partial<AcquisitionRecord> = {}): AcquisitionRecord {
  const number = ++made
  return Object.freeze({
    id: `acquisition-${process.pid}-${number}`,
    provider: 'feishu',
    kind: 'tenant',
    subject: 'acme',
    ref: 'feishu/tenant/acme',
    status: 'success',
    trigger: 'preheat',
    unchanged: false,
    refresh: true,
    attempts: 1,
    totalMs: 120,
    providerMs: 100,
    captchaAttempts: 0,
    networkRetries: 0,
    queueWaitMs: 5,
    fingerprint: '0123456789abcdef',
    generation: 1_767_225_600_000 + number,
    node: 'test',
    createdAt: Date.UTC(2026, 0, 1),
    startedAt: Date.UTC(2026, 0, 1) + 5,
    finishedAt: Date.UTC(2026, 0, 1) + 120,
    ...differences,
  } satisfies AcquisitionRecord)
}
