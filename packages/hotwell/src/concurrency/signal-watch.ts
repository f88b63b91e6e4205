/** Who waits under one signal. An EventListener itself. */
class SignalGroup<Member> {
  readonly #onAbort: (member: Member) => void
  /** Alone, as most are; a set is made for those who share a signal. */
  #members: Member | Set<Member>

  constructor(first: Member, onAbort: (member: Member) => void) {
    this.#onAbort = onAbort
    this.#members = first
  }

  add(member: Member): void {
    if (this.#members instanceof Set) this.#members.add(member)
    else this.#members = new Set([this.#members, member])
  }

  /** True: it is empty now. */
  delete(member: Member): boolean {
    if (!(this.#members instanceof Set)) return this.#members === member
    this.#members.delete(member)
    return this.#members.size === 0
  }

  handleEvent(): void {
    const members = this.#members instanceof Set ? [...this.#members] : [this.#members]
    for (const member of members) this.#onAbort(member)
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
    const group = this.#groups.get(signal)
    if (group) {
      group.add(member)
      return
    }
    const alone = new SignalGroup(member, this.#onAbort)
    this.#groups.set(signal, alone)
    signal.addEventListener('abort', alone)
  }

  /** Of those who were added. */
  delete(signal: AbortSignal | undefined, member: Member): void {
    const group = signal && this.#groups.get(signal)
    if (!group?.delete(member)) return
    this.#groups.delete(signal!)
    signal!.removeEventListener('abort', group)
  }
}
