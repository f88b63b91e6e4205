import type { MessagePort } from 'node:worker_threads'
import { createTokenManager, type Provider, type TokenManager } from 'hotwell'
import type { FromThread, HandedToken, ToThread } from './messages.ts'
import { hotwellError } from './plain-error.ts'

/** How the tokens of a ref go into a request. */
export type TokenUse = Pick<Provider, 'attach' | 'rejects' | 'baseUrls'>

/**
 * The tokens of a thread: asked for by message where the server keeps them hot, put into requests here. Each ref has the
 * `fetch` of a token handle, with its rules: base URLs, redirects, one replay after a rejected token.
 */
export class TokenClient implements AsyncDisposable {
  readonly #port: MessagePort
  readonly #tokens: TokenManager
  readonly #names = new Map<string, string>()
  readonly #waiting = new Map<number, PromiseWithResolvers<HandedToken>>()
  #number = 0

  constructor(port: MessagePort, uses: ReadonlyMap<string, TokenUse>) {
    this.#port = port
    const providers: Record<string, Provider> = {}
    for (const [ref, use] of uses) {
      const name = `token-${this.#names.size}`
      this.#names.set(ref, name)
      providers[name] = this.#provider(ref, use)
    }
    // Renewed where it is kept; here it is asked for again when it ends.
    this.#tokens = createTokenManager({ providers, preheat: false, monitoring: false })
  }

  /** @throws TypeError for a token that the configuration does not give to this sync */
  fetch(ref: string): typeof globalThis.fetch {
    const name = this.#names.get(ref)
    if (name !== undefined) return this.#tokens.token({ provider: name, kind: 'client' }).fetch
    const known = [...this.#names.keys()].join(', ') || 'none'
    throw new TypeError(`the sync has no token "${ref}": name it in its \`tokens\`; there are ${known}`)
  }

  /** What the other side says to a question. */
  answer({ number, token, error }: Extract<ToThread, { kind: 'token' }>): void {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (token) waiting?.resolve(token)
    else if (error) waiting?.reject(hotwellError(error))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tokens.close()
  }

  #provider(ref: string, { attach, rejects, baseUrls }: TokenUse): Provider {
    let last: string | undefined
    return {
      identity: ref,
      kinds: ['client'],
      attach,
      rejects,
      baseUrls,
      acquire: async ({ trigger, signal }) => {
        const rejected = trigger === 'rejected' ? last : undefined
        const { value, tokenType, expiresAt } = await this.#ask(ref, rejected, signal)
        last = value
        return { value, tokenType, expiresInSeconds: Math.max(1, (expiresAt - Date.now()) / 1000) }
      },
    }
  }

  async #ask(ref: string, rejected: string | undefined, signal: AbortSignal): Promise<HandedToken> {
    signal.throwIfAborted()
    const number = ++this.#number
    const waiting = Promise.withResolvers<HandedToken>()
    this.#waiting.set(number, waiting)
    const give = () => waiting.reject(signal.reason)
    signal.addEventListener('abort', give, { once: true })
    this.#port.postMessage({ kind: 'ask', number, ref, rejected } satisfies FromThread)
    try {
      return await waiting.promise
    } finally {
      signal.removeEventListener('abort', give)
      this.#waiting.delete(number)
    }
  }
}
