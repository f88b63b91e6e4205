import { randomUUID } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { HotwellError } from '../core/errors.ts'
import type { AcquisitionRecord, AcquisitionTrigger } from './acquisition-record.ts'
import { failureOf } from './failure.ts'
import type { AcquisitionFacts } from './provider.ts'
import type { Ref } from './ref.ts'
import type { TokenEvents } from './token-events.ts'
import { fingerprint } from './token-key.ts'
import type { TokenRecord } from './token-store.ts'

/** Gathers what one acquisition does, and makes its record at the end. */
export class AcquisitionReport {
  attempts = 0
  queueWaitMs = 0
  providerMs = 0
  credentialId: string | undefined
  readonly #facts: Required<AcquisitionFacts> = { loginMs: 0, captchaAttempts: 0, networkRetries: 0 }
  readonly #clock: Clock
  readonly #ref: Ref
  readonly #trigger: AcquisitionTrigger
  readonly #node: string
  readonly #id = randomUUID()
  readonly #createdAt: number
  readonly #began: number
  #startedAt: number | undefined

  constructor(clock: Clock, ref: Ref, trigger: AcquisitionTrigger, node: string) {
    this.#clock = clock
    this.#ref = ref
    this.#trigger = trigger
    this.#node = node
    this.#createdAt = clock.now()
    this.#began = clock.monotonic()
  }

  /** What is told when its turn has come. */
  started(): TokenEvents['acquisition.started'] {
    const { provider, kind, subject, canonical } = this.#ref
    const at = this.#clock.now()
    return Object.freeze({ id: this.#id, ref: canonical, provider, kind, subject, trigger: this.#trigger, at })
  }

  /** The provider is being asked. */
  attempt(): void {
    this.attempts++
    this.#startedAt ??= this.#clock.now()
  }

  readonly note = (facts: AcquisitionFacts): void => {
    this.#facts.loginMs += facts.loginMs ?? 0
    this.#facts.captchaAttempts += facts.captchaAttempts ?? 0
    this.#facts.networkRetries += facts.networkRetries ?? 0
  }

  succeeded(token: TokenRecord, { unchanged, refresh }: { unchanged: boolean; refresh: boolean }): AcquisitionRecord {
    const { generation } = token
    return this.#record({
      status: 'success',
      unchanged,
      refresh: refresh && !unchanged,
      fingerprint: fingerprint(token.value).slice(0, 16),
      generation,
    })
  }

  failed(error: HotwellError, { refresh }: { refresh: boolean }): AcquisitionRecord {
    const { status } = failureOf(error)
    return this.#record({
      status,
      unchanged: false,
      refresh,
      errorCode: error.code,
      errorMessage: error.message,
      errorDetails: detailsOf(error),
    })
  }

  #record(
    outcome: Pick<AcquisitionRecord, 'status' | 'unchanged' | 'refresh'> & Partial<AcquisitionRecord>,
  ): AcquisitionRecord {
    const { provider, kind, subject, canonical } = this.#ref
    const { loginMs, captchaAttempts, networkRetries } = this.#facts
    return Object.freeze({
      id: this.#id,
      provider,
      kind,
      subject,
      ref: canonical,
      credentialId: this.credentialId,
      trigger: this.#trigger,
      attempts: this.attempts,
      totalMs: this.#clock.monotonic() - this.#began,
      providerMs: this.providerMs,
      loginMs: loginMs || undefined,
      captchaAttempts,
      networkRetries,
      queueWaitMs: this.queueWaitMs,
      node: this.#node,
      createdAt: this.#createdAt,
      startedAt: this.#startedAt,
      finishedAt: this.#clock.now(),
      ...outcome,
    })
  }
}

const longestDetails = 2000
const mostCauses = 5

/** The failures behind a failure, the nearest first. They are scrubbed: a cause that held a secret is gone by now. */
function detailsOf({ cause }: HotwellError): string | undefined {
  const causes: string[] = []
  for (let next = cause; next instanceof Error && causes.length < mostCauses; next = next.cause) {
    const { code } = next as NodeJS.ErrnoException
    causes.push(`${next.name}${typeof code === 'string' ? ` ${code}` : ''}: ${next.message}`)
  }
  return causes.length === 0 ? undefined : causes.join('\n').slice(0, longestDetails)
}
