import type { TokenManager } from 'hotwell'

export interface ReadyReport {
  ready: boolean
  /** Tokens of the manifest that are there. */
  warm: string[]
  /** Those that could not be acquired, with the code of the last failure. */
  failed: { ref: string; code: string }[]
  pending: string[]
}

/**
 * Ready once each token of the manifest is warm or has failed once, or the time for that is over. Then for good: one
 * token that fails later must not take away the server from all the others.
 */
export class Readiness {
  #ready = false
  readonly #tokens: TokenManager
  /** Canonical refs; a new configuration may replace them. */
  manifest: readonly string[]

  constructor(tokens: TokenManager, manifest: readonly string[]) {
    this.#tokens = tokens
    this.manifest = manifest
  }

  /** Waits for the manifest, at most so long, then says ready. Never throws. */
  async watch(timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    await this.#tokens.ready({ timeoutSeconds, signal }).catch(() => undefined)
    if (!signal.aborted) this.#ready = true
  }

  get ready(): boolean {
    return this.#ready
  }

  report(): ReadyReport {
    const states = new Map(this.#tokens.list().map(token => [token.ref, token]))
    const report: ReadyReport = { ready: this.#ready, warm: [], failed: [], pending: [] }
    for (const ref of this.manifest) {
      const token = states.get(ref)
      if (token?.state === 'fresh' || token?.state === 'stale') report.warm.push(ref)
      else if (token?.failure) report.failed.push({ ref, code: token.failure.code })
      else report.pending.push(ref)
    }
    return report
  }
}
