import { randomUUID } from 'node:crypto'
import type { AcquisitionRecord } from 'hotwell'

/** An acquisition with every field that one has, one in twenty failed: 20 sites with 100 accounts each. */
export function acquisitionRecord(number: number, baseAt: number): AcquisitionRecord {
  const provider = `court${number % 20}`
  const subject = `account-${(number * 7) % 100}`
  const failed = number % 20 === 7
  const finishedAt = baseAt + Math.floor(number / 100)
  return {
    id: randomUUID(),
    provider,
    kind: 'account',
    subject,
    ref: `${provider}/account/${subject}`,
    credentialId: '0f8c2b7e91d34a55',
    status: failed ? 'network_error' : 'success',
    trigger: 'preheat',
    unchanged: false,
    refresh: true,
    attempts: 1,
    totalMs: 1200.5 + (number % 50),
    providerMs: 1100.25,
    loginMs: 1100,
    captchaAttempts: 1,
    networkRetries: failed ? 3 : 0,
    queueWaitMs: 3.5,
    fingerprint: failed ? undefined : '0123456789abcdef',
    errorCode: failed ? 'provider_error' : undefined,
    errorMessage: failed ? 'https://court.example cannot be reached.' : undefined,
    errorDetails: failed ? 'fetch failed\nconnect ECONNREFUSED 127.0.0.1:443' : undefined,
    generation: finishedAt,
    node: 'worker-1-a1b2c3',
    createdAt: finishedAt - 1200,
    startedAt: finishedAt - 1190,
    finishedAt,
  }
}
