import type { Clock } from '../core/clock.ts'
import { DeadlineHeap } from '../core/deadline-heap.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { RateQuota } from '../core/rate-gate.ts'
import { type Gate, type GateRequest, type GateSlot, type GateUsage, requestName } from './gate-contract.ts'
import { completeLimits, type GateLimits } from './gate-limits.ts'
import { Lane, ProviderState, Section, Waiter } from './gate-queue.ts'
import { gateClosed, queueTimeout } from './gate-refusal.ts'
import { Slot } from './gate-slot.ts'
import { GateTally, usageOf } from './gate-usage.ts'

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
  readonly #accounts = new Section(true)
  readonly #others = new Section(false)
  readonly #providers = new Map<string, ProviderState>()
  /** Every deadline there is: of waits, of holds, of rate gates. */
  readonly #agenda: DeadlineHeap<Waiter | Slot | ProviderState>
  readonly #abandon = (waiter: Waiter) => this.#refuse(waiter, waiter.request.signal?.reason)
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
    this.#applyLimits()
    this.#agenda = new DeadlineHeap(clock, error => logger.error({ err: error }, 'The gate failed at a deadline.'))
    this.#agenda.start(item => {
      if (item instanceof Waiter) this.#review(item)
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
      const provider = this.#provider(request.provider, request.quota, now)
      const lane = this.#lane(provider, request, now)
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
    const now = this.#clock.monotonic()
    const known = this.#providers.get(provider)
    ;(known ?? this.#provider(provider, undefined, now)).rate.penalize(retryAfterMs)
  }

  usage(): GateUsage {
    return usageOf({
      accounts: this.#accounts,
      others: this.#others,
      providers: this.#providers.values(),
      tally: this.#tally,
      limits: this.#limits,
      now: this.#clock.monotonic(),
    })
  }

  configure(limits: GateLimits): void {
    this.#limits = completeLimits({ ...this.#limits, ...limits })
    this.#applyLimits()
    const now = this.#clock.monotonic()
    for (const section of [this.#accounts, this.#others]) {
      for (const site of section.sites.values()) for (const lane of site.lanes.values()) lane.settle(now)
      this.#dispatch(section, now)
    }
  }

  close(): void {
    this.#closed = true
    for (const { sites } of this.#providers.values()) {
      for (const site of sites) {
        for (const lane of [...site.lanes.values()]) {
          for (const waiter of [...lane.waiters()]) this.#refuse(waiter, gateClosed())
        }
      }
    }
  }

  #applyLimits(): void {
    const limits = this.#limits
    this.#accounts.limit = limits.maxConcurrentAcquisitions
    this.#accounts.perSite = limits.maxConcurrentPerSite
    this.#accounts.perAccount = limits.maxConcurrentPerAccount
    this.#others.limit = limits.maxConcurrentOther
    this.#others.perSite = limits.maxConcurrentPerProvider
  }

  #provider(name: string, quota: RateQuota | undefined, now: number): ProviderState {
    let provider = this.#providers.get(name)
    if (!provider) {
      provider = new ProviderState(name, { clock: this.#clock, quota })
      this.#providers.set(name, provider)
    } else if (provider.rate.configure(quota) && provider.held) {
      this.#agenda.set(provider, now)
    }
    return provider
  }

  #lane(provider: ProviderState, request: GateRequest, now: number): Lane {
    const ofAccount = request.kind === 'account'
    const site = (ofAccount ? this.#accounts : this.#others).site(provider)
    const subject = ofAccount ? request.subject : undefined
    let lane = site.lanes.get(subject)
    if (!lane) site.lanes.set(subject, (lane = new Lane(site, subject, now)))
    return lane
  }

  #wait(request: GateRequest, lane: Lane, now: number): Promise<GateSlot> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(
        { number: ++this.#arrivals, request, lane, arrivedAt: now, resolve, reject },
        this.#abandon,
      )
      request.signal?.addEventListener('abort', waiter)
      this.#tally.waiting++
      lane.enqueue(waiter)
      lane.settle(now)
      this.#agenda.set(waiter, this.#nextReviewAt(waiter, now))
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
      waiter.lane.settle(now)
      waiter.resolve(slot)
    }
  }

  #grant(request: GateRequest, lane: Lane, arrivedAt: number, now: number): Slot {
    const endsAt = now + this.#limits.acquisitionTimeoutSeconds * 1000
    this.#tally.enter(lane.site.section, now - arrivedAt)
    const facts = { number: ++this.#slots, queueWaitMs: now - arrivedAt, request, lane, takenAt: now, endsAt }
    const slot = new Slot(facts, this.#release)
    const { site } = lane
    site.section.add(slot)
    site.add(slot)
    if (site.section.ofAccounts) {
      lane.add(slot)
      lane.settle(now)
    }
    this.#agenda.set(slot, endsAt)
    return slot
  }

  #dequeue(waiter: Waiter, now: number): void {
    waiter.lane.dequeue(waiter)
    waiter.request.signal?.removeEventListener('abort', waiter)
    this.#agenda.delete(waiter)
    this.#tally.waiting--
    this.#tally.waited(now - waiter.arrivedAt)
  }

  #refuse(waiter: Waiter, reason: unknown): void {
    const now = this.#clock.monotonic()
    this.#dequeue(waiter, now)
    waiter.lane.settle(now)
    this.#forget(waiter.lane)
    waiter.reject(reason)
  }

  /** The accounts of a site come and go; only those in use are kept. */
  #forget(lane: Lane): void {
    if (lane.site.section.ofAccounts && lane.running === 0 && !lane.head) lane.site.lanes.delete(lane.subject)
  }

  /** One of a waiter's instants has come: it becomes urgent, or has waited too long. */
  #review(waiter: Waiter): void {
    const now = this.#clock.monotonic()
    const { lane } = waiter
    const queueMs = this.#limits.queueTimeoutSeconds * 1000
    const lockedOut = lane.full && waiter.lockWaitMs(now) >= this.#limits.lockTimeoutSeconds * 1000 - 1
    if (lockedOut || now >= waiter.arrivedAt + queueMs) {
      this.#tally.timeOut(lane.site.section)
      this.#refuse(waiter, queueTimeout(waiter, now, queueMs))
      return
    }
    if (!waiter.urgent && now >= waiter.arrivedAt + queueMs / 2) {
      waiter.urgent = true
      lane.settle(now)
    }
    this.#agenda.set(waiter, this.#nextReviewAt(waiter, now))
  }

  #nextReviewAt(waiter: Waiter, now: number): number {
    const { queueTimeoutSeconds, lockTimeoutSeconds } = this.#limits
    const queueMs = queueTimeoutSeconds * 1000
    let at = waiter.arrivedAt + queueMs
    if (!waiter.urgent) at = waiter.arrivedAt + queueMs / 2
    if (!waiter.lane.site.section.ofAccounts) return at
    // The earliest that its account can have been taken for so long; somewhat later, lest it spins.
    const lockedInMs = lockTimeoutSeconds * 1000 - waiter.lockWaitMs(now)
    return Math.min(at, now + Math.max(lockedInMs, waiter.lane.full ? 1 : 1000))
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
    slot.state = lane.site.section.ofAccounts ? 'quarantined' : 'ended'
    if (slot.state === 'quarantined') {
      this.#tally.quarantined.add(slot)
      this.#agenda.set(slot, now + this.#limits.quarantineSeconds * 1000)
    }
    const heldMs = now - slot.takenAt
    this.#logger.warn({ acquisition: requestName(request), slot: slot.number, heldMs }, 'A slot was reclaimed.')
    lane.settle(now)
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
    slot.state = 'ended'
    lane.settle(now)
    this.#dispatch(lane.site.section, now)
    this.#forget(lane)
  }

  /** A rate gate opens: whoever came first over both sections is asked first. */
  #reopen(provider: ProviderState): void {
    const now = this.#clock.monotonic()
    provider.held = false
    for (const site of provider.sites) site.settle()
    for (const site of provider.inOrder()) this.#dispatch(site.section, now)
  }
}
