import type { Clock } from '../core/clock.ts'
import { DeadlineHeap } from '../core/deadline-heap.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import { ArrivalList } from './arrival-list.ts'
import { type Gate, type GateRequest, type GateSlot, type GateUsage, requestName } from './gate-contract.ts'
import { changedLimits, completeLimits, type GateLimits } from './gate-limits.ts'
import { Lane, type ProviderState, type Section, Waiter } from './gate-queue.ts'
import { gateClosed, queueTimeout } from './gate-refusal.ts'
import { Slot } from './gate-slot.ts'
import { GateTiers } from './gate-tiers.ts'
import { GateTally, usageOf } from './gate-usage.ts'
import { SignalWatch } from './signal-watch.ts'

export interface GateOptions extends GateLimits {
  clock: Clock
  /** Slots reclaimed at their deadline are logged as warnings. @default silent */
  logger?: Logger
  /**
   * An acquisition did not end within the quarantine after its abort, and its account is given to the next one now:
   * the account should be left alone for a while.
   */
  onQuarantine?: (provider: string, subject: string | undefined) => void
}

/** @throws HotwellError `invalid_configuration`, naming the field */
export function createGate(options: GateOptions): Gate {
  return new TieredGate(options)
}

class TieredGate implements Gate {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onQuarantine: (provider: string, subject: string | undefined) => void
  #limits: Required<GateLimits>
  readonly #tiers: GateTiers
  /** Every deadline there is: of waits, of waits for an account, of holds, of rate gates. */
  readonly #agenda: DeadlineHeap<ArrivalList | Lane | Slot | ProviderState>
  readonly #waiting = { foreground: new ArrivalList(), preheat: new ArrivalList() }
  readonly #signals = new SignalWatch<Waiter>(waiter => this.#refuse(waiter, waiter.request.signal?.reason))
  readonly #release = (slot: Slot) => this.#end(slot)
  #arrivals = 0
  #slots = 0
  readonly #tally: GateTally
  #closed = false

  constructor({ clock, logger = silentLogger, onQuarantine = () => {}, ...limits }: GateOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#onQuarantine = onQuarantine
    this.#limits = completeLimits(limits)
    this.#tally = new GateTally(clock)
    this.#tiers = new GateTiers(clock, this.#limits)
    this.#agenda = new DeadlineHeap(clock, error => logger.error({ err: error }, 'The gate failed at a deadline.'))
    this.#agenda.start(item => {
      if (item instanceof ArrivalList) this.#review(item)
      else if (item instanceof Lane) this.#reviewLane(item)
      else if (item instanceof Slot) this.#reclaim(item)
      else this.#reopen(item)
    })
  }

  enter(request: GateRequest): Promise<GateSlot> {
    const { signal } = request
    if (this.#closed) return Promise.reject(gateClosed())
    if (signal?.aborted) return Promise.reject(signal.reason)
    const now = this.#clock.monotonic()
    try {
      const provider = this.#tiers.provider(request.provider, request.quota)
      if (provider.rate.configure(request.quota) && provider.held) this.#agenda.set(provider, now)
      const lane = this.#tiers.lane(provider, request, now)
      const { site } = lane
      // While anybody waits at this provider the newcomer queues up: it must not slip in before a timer has fired.
      const free = provider.waiting === 0 && !lane.full && !site.full && !site.section.full
      if (free && provider.rate.take(now)) return Promise.resolve(this.#grant(request, lane, now, now))
      return this.#wait(request, lane, now)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  penalize(provider: string, retryAfterMs?: number): void {
    this.#tiers.provider(provider).rate.penalize(retryAfterMs)
  }

  usage(): GateUsage {
    return usageOf({ tiers: this.#tiers, tally: this.#tally, limits: this.#limits, now: this.#clock.monotonic() })
  }

  configure(limits: GateLimits): void {
    this.#limits = changedLimits(this.#limits, limits)
    this.#tiers.limit(this.#limits)
    const now = this.#clock.monotonic()
    for (const lane of this.#tiers.lanes()) this.#settle(lane, now)
    for (const list of [this.#waiting.foreground, this.#waiting.preheat]) this.#reviewLater(list)
    for (const section of [this.#tiers.accounts, this.#tiers.others]) this.#dispatch(section, now)
  }

  close(): void {
    this.#closed = true
    for (const list of [this.#waiting.foreground, this.#waiting.preheat]) {
      while (list.first) this.#refuse(list.first, gateClosed())
    }
  }

  #wait(request: GateRequest, lane: Lane, now: number): Promise<GateSlot> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter({ number: ++this.#arrivals, request, lane, arrivedAt: now, resolve, reject })
      this.#signals.add(request.signal, waiter)
      this.#tally.waiting++
      lane.enqueue(waiter)
      this.#settle(lane, now)
      const list = this.#waiting[request.priority]
      if (list.add(waiter)) this.#reviewLater(list)
      this.#dispatch(lane.site.section, now)
    })
  }

  /** Lets in whoever can run, in order. */
  #dispatch(section: Section, now: number): void {
    while (!section.full) {
      const site = section.runnable.peek()
      if (!site) return
      const { provider } = site
      if (!provider.rate.take(now)) {
        provider.held = true
        this.#agenda.set(provider, provider.rate.nextAt(now))
        site.settle()
        continue
      }
      const waiter = site.head!
      this.#dequeue(waiter, now)
      const slot = this.#grant(waiter.request, waiter.lane, waiter.arrivedAt, now)
      this.#settle(waiter.lane, now)
      waiter.resolve(slot)
    }
  }

  #grant(request: GateRequest, lane: Lane, arrivedAt: number, now: number): Slot {
    const endsAt = now + this.#limits.acquisitionTimeoutSeconds * 1000
    this.#tally.enter(lane.site.section, now - arrivedAt, now)
    const facts = { number: ++this.#slots, queueWaitMs: now - arrivedAt, request, lane, takenAt: now, endsAt }
    const slot = new Slot(facts, this.#release)
    const { site } = lane
    site.section.add(slot)
    site.add(slot)
    if (site.section.ofAccounts) {
      lane.add(slot)
      this.#settle(lane, now)
    }
    this.#agenda.set(slot, endsAt)
    return slot
  }

  #dequeue(waiter: Waiter, now: number): void {
    waiter.lane.dequeue(waiter)
    this.#signals.delete(waiter.request.signal, waiter)
    this.#waiting[waiter.request.priority].remove(waiter)
    this.#tally.waiting--
    this.#tally.waited(now - waiter.arrivedAt)
  }

  #refuse(waiter: Waiter, reason: unknown): void {
    const now = this.#clock.monotonic()
    this.#dequeue(waiter, now)
    this.#settle(waiter.lane, now)
    this.#tiers.forget(waiter.lane)
    waiter.reject(reason)
  }

  /** A lane takes its place again. While its account is taken, whoever has waited longest for that has a deadline. */
  #settle(lane: Lane, now: number): void {
    lane.settle(now)
    if (!lane.site.section.ofAccounts) return
    const patient = lane.full ? lane.oldest : undefined
    if (patient) this.#agenda.set(lane, now + this.#lockMs - patient.lockWaitMs(now))
    else this.#agenda.delete(lane)
  }

  /** An account was taken for as long as somebody may wait for it. */
  #reviewLane(lane: Lane): void {
    const now = this.#clock.monotonic()
    const { oldest } = lane
    // Sums of instants are rounded.
    if (oldest && oldest.lockWaitMs(now) >= this.#lockMs - 1e-3) this.#timeOut(oldest, now)
    else this.#settle(lane, now)
  }

  get #lockMs(): number {
    return this.#limits.lockTimeoutSeconds * 1000
  }

  get #queueMs(): number {
    return this.#limits.queueTimeoutSeconds * 1000
  }

  /** Somebody's instant may have come: to become urgent, or to have waited too long. One at a time: there may be many. */
  #review(list: ArrivalList): void {
    const now = this.#clock.monotonic()
    const { first, patient } = list
    if (first && now >= first.arrivedAt + this.#queueMs) this.#timeOut(first, now)
    else if (patient && now >= patient.arrivedAt + this.#queueMs / 2) {
      list.hurry(patient)
      this.#settle(patient.lane, now)
    }
    this.#reviewLater(list)
  }

  #reviewLater(list: ArrivalList): void {
    const at = list.nextAt(this.#queueMs)
    if (at !== undefined) this.#agenda.set(list, at)
  }

  #timeOut(waiter: Waiter, now: number): void {
    this.#tally.timeOut(waiter.lane.site.section)
    this.#refuse(waiter, queueTimeout(waiter, now, this.#queueMs))
  }

  /** A slot's deadline has come: the holder is aborted. An abort does not stop a login, so its account stays taken. */
  #reclaim(slot: Slot): void {
    const { lane, request } = slot
    if (slot.state === 'quarantined') {
      this.#logger.warn({ acquisition: requestName(request), slot: slot.number }, 'An aborted login does not end.')
      try {
        this.#onQuarantine(request.provider, request.subject)
      } finally {
        this.#end(slot)
      }
      return
    }
    const now = this.#clock.monotonic()
    this.#tally.reclaimed++
    lane.site.section.delete(slot)
    lane.site.delete(slot)
    if (lane.site.section.ofAccounts) {
      slot.state = 'quarantined'
      this.#tally.quarantined.add(slot)
      this.#agenda.set(slot, now + this.#limits.quarantineSeconds * 1000)
    } else slot.end()
    const heldMs = now - slot.takenAt
    this.#logger.warn({ acquisition: requestName(request), slot: slot.number, heldMs }, 'A slot was reclaimed.')
    this.#settle(lane, now)
    this.#dispatch(lane.site.section, now)
    // Last, because the holder may release at once, from within its abort listener.
    slot.timeOut()
  }

  #end(slot: Slot): void {
    if (slot.state === 'ended') return
    const now = this.#clock.monotonic()
    const { lane } = slot
    this.#agenda.delete(slot)
    if (slot.state === 'held') {
      lane.site.section.delete(slot)
      lane.site.delete(slot)
    }
    lane.delete(slot)
    this.#tally.quarantined.delete(slot)
    slot.end()
    this.#settle(lane, now)
    this.#dispatch(lane.site.section, now)
    this.#tiers.forget(lane)
  }

  /** A rate gate opens: whoever came first over both sections is asked first. */
  #reopen(provider: ProviderState): void {
    const now = this.#clock.monotonic()
    provider.held = false
    for (const site of provider.sites) site.settle()
    for (const site of provider.inOrder()) this.#dispatch(site.section, now)
  }
}
