import type { IncomingMessage } from 'node:http'
import type { ApiKey } from '../keys/api-key.ts'
import type { KeyBook } from '../keys/key-book.ts'
import type { ApiKeyAction } from '../keys/key-scope.ts'
import { FailedAttempts } from './failed-attempts.ts'
import { assertLocal, foreignSign } from './loopback.ts'
import { RequestRefused } from './problem.ts'

/** Who asks. Without keys that is the machine itself, which may do everything. */
export type Caller = ApiKey

const machine: Caller = { name: 'local', may: () => true, covers: () => true, coversAll: () => true }

/** Decides who may ask what. */
export class Access {
  readonly #keys: KeyBook
  readonly #loopback: boolean
  readonly #failed = new FailedAttempts()

  constructor(keys: KeyBook, loopback: boolean) {
    this.#keys = keys
    this.#loopback = loopback
  }

  /** Whether callers need a key. On another address than loopback they always do, also when the last one was revoked. */
  get keysRequired(): boolean {
    return this.#keys.required || !this.#loopback
  }

  /** Refuses what no route may answer; see {@link assertLocal}. With keys there is nothing to refuse yet. */
  admit(request: IncomingMessage): void {
    if (!this.keysRequired) assertLocal(request.headers)
  }

  /** @throws RequestRefused `unauthenticated`, `too_many_requests` */
  authenticate(request: IncomingMessage): Caller {
    if (!this.keysRequired) return machine
    const presented = presentedKey(request)
    const key = presented === undefined ? undefined : this.#keys.find(presented)
    if (key) return key
    const retryAfterMs = presented === undefined ? 0 : this.#failed.add(request.socket.remoteAddress ?? '')
    if (retryAfterMs > 0) {
      throw new RequestRefused('too_many_requests', 'Too many wrong API keys came from this address.', { retryAfterMs })
    }
    throw new RequestRefused(
      'unauthenticated',
      presented === undefined
        ? 'Send an API key, as `Authorization: Bearer …` or `X-API-Key: …`. `hotwell keys create` makes one.'
        : 'This API key is not known here; it may have been revoked.',
    )
  }

  /** Whether the caller may have this token, by all the rules. Never refuses in words; the other methods do. */
  mayRead(request: IncomingMessage, canonicalRef: string): boolean {
    if (!this.keysRequired) return foreignSign(request.headers) === undefined
    const presented = presentedKey(request)
    const key = presented === undefined ? undefined : this.#keys.find(presented)
    return key?.may('read') === true && key.covers(canonicalRef)
  }

  /** The caller if it may do this with some token. @throws RequestRefused as `authenticate`, and `forbidden` */
  allow(request: IncomingMessage, action: ApiKeyAction): Caller {
    const caller = this.authenticate(request)
    if (caller.may(action)) return caller
    throw new RequestRefused('forbidden', `The API key "${caller.name}" is not allowed the action "${action}".`)
  }

  /** The caller if it may see names of tokens, those that it covers. Never refuses. */
  lister(request: IncomingMessage): Caller | undefined {
    if (!this.keysRequired) return machine
    const presented = presentedKey(request)
    const key = presented === undefined ? undefined : this.#keys.find(presented)
    return key?.may('list') ? key : undefined
  }
}

/** @throws RequestRefused `forbidden` if the caller's patterns do not cover the ref, whether it exists or not */
export function assertCovered(caller: Caller, canonicalRef: string): void {
  if (caller.covers(canonicalRef)) return
  throw new RequestRefused('forbidden', `The API key "${caller.name}" does not cover the token "${canonicalRef}".`)
}

/**
 * @param prefix what all the refs in question begin with: `court/` for a site, an empty text for everything
 * @throws RequestRefused `forbidden` unless the caller's patterns cover all of them
 */
export function assertCoversAll(caller: Caller, prefix: string): void {
  if (caller.coversAll(prefix)) return
  const what = prefix === '' ? 'everything; narrow the request down to what it covers' : `all of "${prefix}*"`
  throw new RequestRefused('forbidden', `The API key "${caller.name}" does not cover ${what}.`)
}

/**
 * The key of a request. Looked for in the headers as they came: building the object of all headers, which nothing else
 * on the hot route needs, costs more than looking the key up.
 */
function presentedKey({ rawHeaders }: IncomingMessage): string | undefined {
  let other: string | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (name.length === 13 && name.toLowerCase() === 'authorization') return bearerIn(rawHeaders[index + 1]!)
    if (name.length === 9 && name.toLowerCase() === 'x-api-key') other ??= rawHeaders[index + 1]
  }
  return other === '' ? undefined : other
}

function bearerIn(value: string): string | undefined {
  const key = value.length > 7 && value.slice(0, 7).toLowerCase() === 'bearer ' ? value.slice(7).trim() : ''
  return key === '' ? undefined : key
}
