import { setImmediate as nextTurn } from 'node:timers/promises'

/** So long the thread is kept without a break, in ms; a read of one page comes on top. */
const longestMs = 3

/**
 * Reads one after the other, with breaks: SQLite answers on this thread, at once, so that a thousand sites, or the pages
 * of a large one, would keep everybody else waiting until the last is read.
 */
export class PacedReads {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  /** When the thread was last free, as far as these reads know. */
  #freeAt = 0

  run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#freeAt = performance.now()
    const turn = this.#last.then(() => this.#breathe()).then(read)
    this.#last = turn.catch(() => {}).finally(() => this.#waiting--)
    return turn
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#freeAt + longestMs) return
    await nextTurn()
    this.#freeAt = performance.now()
  }
}
