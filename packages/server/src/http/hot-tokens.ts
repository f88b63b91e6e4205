import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TokenHandle } from 'hotwell'
import type { ServerContext } from './server-context.ts'
import { writeTokenReply } from './token-reply.ts'
import { tokensPath } from './token-target.ts'

/** How the hot route is called in metrics. */
export const tokenRoute = `${tokensPath}{ref}`
const mostTargets = 10_000
/** Longer ones are served, but not remembered: parameters can be written in endless ways, and each would be kept. */
const longestUrl = 1024

/** What a URL that was asked for before stands for. */
export interface HotTarget {
  readonly handle: TokenHandle
  readonly canonical: string
}

/**
 * The lane for the requests that are asked a thousand times as often as all others: a token that was asked for before,
 * by a caller who may have it. Such a request meets no router and no hooks; whatever is not exactly that takes the way
 * through the framework, which also finds the words for each refusal.
 */
export class HotTokens {
  readonly #targets = new Map<string, HotTarget>()
  readonly #access: ServerContext['access']
  readonly #served: { count: number }
  readonly #failures = new WeakMap<IncomingMessage, { error: unknown }>()

  constructor({ access, counters }: Pick<ServerContext, 'access' | 'counters'>) {
    this.#access = access
    this.#served = counters.counter(tokenRoute, 200)
  }

  /** From now on this URL, as it stands in the request line, takes the lane. */
  add(url: string, target: HotTarget): void {
    if (url.length > longestUrl) return
    if (this.#targets.size >= mostTargets) this.#targets.clear()
    this.#targets.set(url, target)
  }

  /** Answers, or calls `otherwise` without having written anything. */
  serve(request: IncomingMessage, response: ServerResponse, otherwise: () => void): void {
    const target = this.#targets.get(request.url!)
    if (!target || request.method !== 'GET' || !this.#access.mayRead(request, target.canonical)) {
      otherwise()
      return
    }
    const { handle } = target
    handle.getDetails().then(
      details => {
        writeTokenReply(response, details, handle.state)
        this.#served.count++
      },
      error => {
        this.#failures.set(request, { error })
        otherwise()
      },
    )
  }

  /** What this request has failed with already, so that it is answered with that and asks nobody a second time. */
  failureOf(request: IncomingMessage): { error: unknown } | undefined {
    return this.#failures.get(request)
  }
}
