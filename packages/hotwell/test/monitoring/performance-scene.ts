import { type AlertEvent, createPerformanceMonitor, type PerformanceMonitorOptions } from 'hotwell/monitoring'
import { FakeClock } from 'hotwell/testing'
import { onTestFinished } from 'vitest'
import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'

let made = 0

/** A finished acquisition, with whatever a test wants to be different. */
export function finished(differences: Partial<AcquisitionRecord> = {}): AcquisitionRecord {
  return Object.freeze({
    id: `acquisition-${++made}`,
    provider: 'court',
    kind: 'account',
    subject: 'zhang',
    ref: 'court/account/zhang',
    status: 'success',
    trigger: 'no_token',
    unchanged: false,
    refresh: false,
    attempts: 1,
    totalMs: 1000,
    providerMs: 900,
    captchaAttempts: 0,
    networkRetries: 0,
    queueWaitMs: 0,
    node: 'test',
    createdAt: 0,
    finishedAt: 0,
    ...differences,
  } satisfies AcquisitionRecord)
}

/** A monitor on a fake clock, and what it told. */
export function monitored(options: Partial<PerformanceMonitorOptions> = {}) {
  const clock = new FakeClock()
  const told: AlertEvent[] = []
  const lookups = { hits: 0, misses: 0 }
  const monitor = createPerformanceMonitor({
    clock,
    onAlert: event => told.push(event),
    lookups: () => ({ ...lookups }),
    ...options,
  })
  onTestFinished(() => monitor.close())
  const observe = (count: number, differences: Partial<AcquisitionRecord> = {}) => {
    for (let i = 0; i < count; i++) monitor.observe(finished(differences))
  }
  return { clock, monitor, told, lookups, observe }
}
