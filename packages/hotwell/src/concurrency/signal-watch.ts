/** Who waits under one signal. An EventListener itself. */
class SignalGroup<Member> {
  readonly members = new Set<Member>()
  readonly #onAbort: (member: Member) => void

  constructor(onAbort: (member: Member) => void) {
    this.#onAbort = onAbort
  }

  handleEvent(): void {
    for (const member of [...this.members]) this.#onAbort(member)
  }
}

/**
 * Watches many signals for many waiters, with one listener a signal: an EventTarget looks through all of its listeners
 * for each one that comes, so that a hundred thousand who wait under one signal would cost a hundred thousand looks each.
 */
export class SignalWatch<Member> {
  readonly #groups = new Map<AbortSignal, SignalGroup<Member>>()
  readonly #onAbort: (member: Member) => void

  /** `onAbort` is called once for each member of an aborted signal, in the order in which they came. */
  constructor(onAbort: (member: Member) => void) {
    this.#onAbort = onAbort
  }

  add(signal: AbortSignal | undefined, member: Member): void {
    if (!signal) return
    let group = this.#groups.get(signal)
    if (!group) {
      group = new SignalGroup(this.#onAbort)
      this.#groups.set(signal, group)
      signal.addEventListener('abort', group)
    }
    group.members.add(member)
  }

  delete(signal: AbortSignal | undefined, member: Member): void {
    const group = signal && this.#groups.get(signal)
    if (!group?.members.delete(member) || group.members.size > 0) return
    this.#groups.delete(signal!)
    signal!.removeEventListener('abort', group)
  }
}
