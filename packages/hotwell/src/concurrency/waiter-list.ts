/** A place in the order of those who could run. */
export interface Ranked {
  /** In the order of arrival. */
  readonly number: number
  readonly urgent: boolean
}

/** Whether `a` is let in first where both could run. */
export function before(a: Ranked, b: Ranked): boolean {
  return a.urgent === b.urgent ? a.number < b.number : a.urgent
}

/** What a {@link WaiterList} holds together. */
export interface Linked<T> {
  previous: T | undefined
  next: T | undefined
}

/** First in, first out, and out from anywhere. */
export class WaiterList<T extends Linked<T>> {
  first: T | undefined
  #last: T | undefined

  add(waiter: T): void {
    waiter.previous = this.#last
    if (this.#last) this.#last.next = waiter
    else this.first = waiter
    this.#last = waiter
  }

  remove(waiter: T): void {
    if (waiter.previous) waiter.previous.next = waiter.next
    else this.first = waiter.next
    if (waiter.next) waiter.next.previous = waiter.previous
    else this.#last = waiter.previous
    waiter.previous = waiter.next = undefined
  }
}
