import { HotwellError, type TokenStore } from 'hotwell'

/** A memory store as the outside world has it: it fails on command, loses everything, and says what was done to it. */
export class OuterStore implements TokenStore {
  readonly scope = 'process'
  /** Thrown by every operation but closing while it is set. */
  failure: unknown
  /** Fail only these. */
  only: string[] | undefined
  readonly done: string[] = []
  inner: TokenStore

  constructor(inner: TokenStore) {
    this.inner = inner
  }

  /** A full disk. */
  breakDown(only?: string[]): void {
    this.failure = new HotwellError('store_unavailable', 'database or disk is full')
    this.only = only
  }

  recover(): void {
    this.failure = undefined
  }

  open: TokenStore['open'] = () => this.#do('open', () => this.inner.open())
  read: TokenStore['read'] = key => this.#do('read', () => this.inner.read(key))
  claim: TokenStore['claim'] = (...given) => this.#do('claim', () => this.inner.claim(...given))
  extend: TokenStore['extend'] = (...given) => this.#do('extend', () => this.inner.extend(...given))
  intend: TokenStore['intend'] = (...given) => this.#do('intend', () => this.inner.intend(...given))
  commit: TokenStore['commit'] = (...given) => this.#do('commit', () => this.inner.commit(...given))
  fail: TokenStore['fail'] = (...given) => this.#do('fail', () => this.inner.fail(...given))
  release: TokenStore['release'] = (...given) => this.#do('release', () => this.inner.release(...given))
  invalidate: TokenStore['invalidate'] = (...given) => this.#do('invalidate', () => this.inner.invalidate(...given))
  watch: TokenStore['watch'] = (...given) => this.inner.watch(...given)
  problems: TokenStore['problems'] = () => this.inner.problems()
  close: TokenStore['close'] = () => {
    this.done.push('close')
    return this.inner.close()
  }

  async #do<T>(name: string, run: () => Promise<T>): Promise<T> {
    this.done.push(name)
    if (this.failure !== undefined && (this.only?.includes(name) ?? true)) throw this.failure
    return run()
  }
}
