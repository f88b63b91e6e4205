import { randomBytes } from 'node:crypto'
import { ExpiringMap } from '../expiring-map.ts'

export interface TokenOwner {
  kind: 'app' | 'tenant'
  appId: string
  /** The tenant that the token opens; none for the app token of a marketplace app. */
  tenant: string | undefined
}

interface Entry extends TokenOwner {
  value: string
  expiresAt: number
  revoked: boolean
}

export interface TokenBookOptions {
  /** Seconds that a new token lives. @default 7200 */
  tokenLifeSeconds?: number
  /**
   * While at least so many seconds remain, whoever asks again gets the same token.
   * @default 1800, or a quarter of the life where that is shorter
   */
  reuseWindowSeconds?: number
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number
}

/**
 * All tokens that the simulator has issued, and the rule of when it issues a new one.
 * Values are really random, not seeded: a token of one simulator must mean nothing to another.
 */
export class TokenBook {
  #lifeSeconds: number
  readonly #reuseWindowSeconds: number | undefined
  readonly #now: () => number
  readonly #byValue: ExpiringMap<Entry>
  readonly #current = new Map<string, Entry>()

  constructor({ tokenLifeSeconds = 7200, reuseWindowSeconds, now = Date.now }: TokenBookOptions = {}) {
    this.#lifeSeconds = positive('tokenLifeSeconds', tokenLifeSeconds)
    this.#reuseWindowSeconds = reuseWindowSeconds
    this.#now = now
    this.#byValue = new ExpiringMap(now)
  }

  get lifeSeconds(): number {
    return this.#lifeSeconds
  }

  /** For tokens issued from now on. */
  set lifeSeconds(seconds: number) {
    this.#lifeSeconds = positive('tokenLifeSeconds', seconds)
  }

  get reuseWindowSeconds(): number {
    return this.#reuseWindowSeconds ?? Math.min(1800, this.#lifeSeconds / 4)
  }

  /** @returns the token and the whole seconds it still lives; `fresh` when it was made for this call */
  issue(owner: TokenOwner): { value: string; expireSeconds: number; fresh: boolean } {
    const key = JSON.stringify([owner.kind, owner.appId, owner.tenant])
    const kept = this.#current.get(key)
    const remaining = kept ? this.#remainingSeconds(kept) : 0
    // Under one second nothing can be told in whole seconds, so even without a window a new one is due.
    if (kept && remaining >= Math.max(1, this.reuseWindowSeconds)) {
      return { value: kept.value, expireSeconds: Math.floor(remaining), fresh: false }
    }
    const value = `${owner.kind === 'app' ? 'a' : 't'}-${randomBytes(20).toString('hex')}`
    const entry: Entry = { ...owner, value, expiresAt: this.#now() + this.#lifeSeconds * 1000, revoked: false }
    this.#byValue.set(value, entry, entry.expiresAt)
    this.#current.set(key, entry)
    return { value, expireSeconds: Math.floor(this.#lifeSeconds), fresh: true }
  }

  /** Whose token this is; undefined when it was never issued here, has ended, or was revoked. */
  find(value: string): TokenOwner | undefined {
    const entry = this.#byValue.get(value)
    return entry && !entry.revoked ? entry : undefined
  }

  /**
   * From now on the APIs reject this token.
   * @param keepIssuing the token endpoints go on handing it out while its reuse window lasts, as Lark may do
   * @returns false when no such token lives
   */
  revoke(value: string, { keepIssuing = false }: { keepIssuing?: boolean } = {}): boolean {
    const entry = this.#byValue.get(value)
    if (!entry) return false
    entry.revoked = true
    if (!keepIssuing) {
      for (const [key, current] of this.#current) if (current === entry) this.#current.delete(key)
    }
    return true
  }

  #remainingSeconds(entry: Entry): number {
    return (entry.expiresAt - this.#now()) / 1000
  }
}

function positive(name: string, seconds: number): number {
  if (!(seconds >= 1)) throw new RangeError(`${name} must be at least 1 second, not ${seconds}`)
  return seconds
}
