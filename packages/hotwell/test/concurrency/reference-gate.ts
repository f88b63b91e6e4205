import type { GateLimits } from 'hotwell/concurrency'

export interface Wanted {
  readonly provider: string
  readonly kind: string
  readonly subject: string
  readonly priority: 'foreground' | 'preheat'
}

type Presence = 'waiting' | 'held' | 'quarantined'
type Fate = Presence | 'released' | 'leaked' | 'timedOut' | 'aborted' | 'closed'

/** One request and all that becomes of it. Instants in ms. */
export interface Guest {
  readonly wanted: Wanted
  readonly arrivedAt: number
  fate: Fate
  /** Its time was over before it came back. */
  late: boolean
  urgent: boolean
  lockedMs: number
  /** Once it was let in. */
  number: number
  takenAt: number
  endsAt: number
}

interface Happening {
  readonly at: number
  readonly guest: Guest
  readonly what: 'leaves' | 'is let go' | 'becomes urgent'
}

/**
 * What the gate promises, written down as plainly as can be: one list of guests, looked through whole for everything.
 * Knows no lanes, heaps or timers; whoever moves its time tells it what happened on the way.
 */
export class ReferenceGate {
  readonly guests: Guest[] = []
  /** Two things fell on the same instant that lead elsewhere in the other order: it cannot be told what is right. */
  ambiguous = false
  reclaimed = 0
  longestWaitMs = 0
  readonly waits: { account: boolean; ms: number }[] = []
  limits: Required<GateLimits>
  now: number
  /** Of the guests, those who are not gone for good. */
  #present: Guest[] = []
  #numbers = 0
  #closed = false

  constructor(limits: Required<GateLimits>, now: number) {
    this.limits = limits
    this.now = now
  }

  ask(wanted: Wanted): Guest {
    const urgent = wanted.priority === 'foreground'
    const fate = this.#closed ? 'closed' : 'waiting'
    const times = { arrivedAt: this.now, lockedMs: 0, takenAt: 0, endsAt: 0 }
    const guest: Guest = { wanted, fate, urgent, late: false, number: 0, ...times }
    this.guests.push(guest)
    this.#present.push(guest)
    this.#letIn()
    return guest
  }

  release(guest: Guest): void {
    if (guest.fate !== 'held' && guest.fate !== 'quarantined') return
    guest.fate = 'released'
    this.#letIn()
  }

  abort(guest: Guest): void {
    if (guest.fate === 'waiting') this.#giveUp(guest, 'aborted')
  }

  configure(limits: GateLimits): void {
    this.limits = { ...this.limits, ...limits }
    this.#letIn()
  }

  close(): void {
    this.#closed = true
    for (const guest of this.having('waiting')) this.#giveUp(guest, 'closed')
  }

  advance(byMs: number): void {
    const end = this.now + byMs
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      this.#pass(next.at - this.now)
      this.#happen(next)
    }
    this.#pass(end - this.now)
  }

  having(...fates: Presence[]): Guest[] {
    const is = (among: readonly Fate[]) => (guest: Guest) => among.includes(guest.fate)
    this.#present = this.#present.filter(is(['waiting', 'held', 'quarantined']))
    return this.#present.filter(is(fates))
  }

  #pass(ms: number): void {
    for (const guest of this.having('waiting')) if (this.#accountTaken(guest)) guest.lockedMs += ms
    this.now += ms
  }

  #happen({ guest, what }: Happening): void {
    if (what === 'becomes urgent') guest.urgent = true
    else if (what === 'leaves') this.#giveUp(guest, 'timedOut')
    else {
      if (guest.fate === 'held') this.reclaimed++
      guest.late = true
      const quarantine = guest.fate === 'held' && guest.wanted.kind === 'account'
      guest.fate = quarantine ? 'quarantined' : 'leaked'
      guest.endsAt = this.now + this.limits.quarantineSeconds * 1000
      this.#letIn()
    }
  }

  #next(): Happening | undefined {
    const queueMs = this.limits.queueTimeoutSeconds * 1000
    const lockMs = this.limits.lockTimeoutSeconds * 1000
    const coming: Happening[] = []
    for (const guest of this.having('waiting')) {
      coming.push({ at: guest.arrivedAt + queueMs, guest, what: 'leaves' })
      if (!guest.urgent) coming.push({ at: guest.arrivedAt + queueMs / 2, guest, what: 'becomes urgent' })
      if (this.#accountTaken(guest)) coming.push({ at: this.now + lockMs - guest.lockedMs, guest, what: 'leaves' })
    }
    for (const guest of this.having('held', 'quarantined')) coming.push({ at: guest.endsAt, guest, what: 'is let go' })
    // What was due before is due now. Those who were let in at one instant are let go in that order.
    const due = coming.map(one => ({ ...one, at: Math.max(this.now, one.at) }))
    due.sort((a, b) => a.at - b.at || a.guest.number - b.guest.number)
    const first = due.filter(one => one.at === due[0]!.at)
    const kinds = new Set(first.map(one => (one.what === 'is let go' ? one.guest.fate : 'waiting')))
    if (kinds.size > 1) this.ambiguous = true
    return due[0]
  }

  #giveUp(guest: Guest, fate: Fate): void {
    guest.fate = fate
    this.longestWaitMs = Math.max(this.longestWaitMs, this.now - guest.arrivedAt)
  }

  /** Logins and all others are apart; of each, the first of those who can run, again and again. */
  #letIn(): void {
    for (const account of [true, false]) {
      for (;;) {
        const waiting = this.having('waiting').filter(guest => (guest.wanted.kind === 'account') === account)
        const inOrder = [...waiting.filter(guest => guest.urgent), ...waiting.filter(guest => !guest.urgent)]
        const guest = inOrder.find(one => this.#fits(one))
        if (!guest) break
        guest.fate = 'held'
        guest.number = ++this.#numbers
        guest.takenAt = this.now
        guest.endsAt = this.now + this.limits.acquisitionTimeoutSeconds * 1000
        const ms = this.now - guest.arrivedAt
        this.waits.push({ account, ms })
        this.longestWaitMs = Math.max(this.longestWaitMs, ms)
      }
    }
  }

  #fits(guest: Guest): boolean {
    const login = guest.wanted.kind === 'account'
    const peers = this.having('held').filter(one => (one.wanted.kind === 'account') === login)
    const here = peers.filter(one => one.wanted.provider === guest.wanted.provider)
    const { limits } = this
    if (login) {
      return (
        peers.length < limits.maxConcurrentAcquisitions &&
        here.length < limits.maxConcurrentPerSite &&
        !this.#accountTaken(guest)
      )
    }
    return peers.length < limits.maxConcurrentOther && here.length < limits.maxConcurrentPerProvider
  }

  #accountTaken({ wanted }: Guest): boolean {
    if (wanted.kind !== 'account') return false
    const { kind, provider, subject } = wanted
    const same = this.having('held', 'quarantined').map(one => one.wanted)
    const count = same.filter(one => one.kind === kind && one.provider === provider && one.subject === subject).length
    return count >= this.limits.maxConcurrentPerAccount
  }
}
