import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Issue {
  readonly ref: string
  /** Which process asked. */
  readonly process: string
  /** Wall clock, in ms: when the request came. */
  readonly at: number
  /** As acquisition records have it. */
  readonly fingerprint: string
}

/** Where both processes get their tokens: it alone sees every acquisition there is. */
export class Issuer {
  readonly issues: Issue[] = []
  readonly #server: Server
  readonly #lifeSeconds: number

  constructor(options: { lifeSeconds: number; latencyMs: number }) {
    this.#lifeSeconds = options.lifeSeconds
    this.#server = createServer(async (request, response) => {
      const url = new URL(request.url!, 'http://issuer')
      const value = `t-${this.issues.length}-${'x'.repeat(40)}`
      const fingerprint = createHash('sha256').update(value).digest('hex').slice(0, 16)
      const [ref, process] = [url.searchParams.get('ref')!, url.searchParams.get('process')!]
      this.issues.push({ ref, process, at: Date.now(), fingerprint })
      await sleep(options.latencyMs)
      response.end(JSON.stringify({ value, expiresInSeconds: options.lifeSeconds }))
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /**
   * Acquisitions made although the token before was not due: it had more left than the widest margin, life ÷ 4. A life
   * counts from when its process asked, by fingerprint: one that was stopped right then is heard of much later.
   */
  extra(startedAt: ReadonlyMap<string | undefined, number | undefined>): Issue[] {
    const slackMs = 250
    const last = new Map<string, number>()
    const asked = this.issues.map(issue => ({ ...issue, at: startedAt.get(issue.fingerprint) ?? issue.at }))
    return asked
      .sort((one, other) => one.at - other.at)
      .filter(({ ref, at }) => {
        const before = last.get(ref)
        last.set(ref, at)
        return before !== undefined && at - before < 750 * this.#lifeSeconds - slackMs
      })
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
