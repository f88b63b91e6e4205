import { type HeapNode, IndexedHeap } from '../core/indexed-heap.ts'
import { RateGate, type RateGateOptions } from '../core/rate-gate.ts'
import type { GateRequest, GateSlot } from './gate-contract.ts'
import { before, type Ranked, WaiterList } from './waiter-list.ts'

// Who waits stands in the lane of its account (all other kinds: of its provider). A lane whose account is free stands
// in the heap of its site, a site with free slots in the heap of its section, each ordered by whoever is first in it.
// So the next one to run is always on top, and finding the one after it costs O(log n).

/** What a tier knows of a slot. Instants are monotonic ms. */
export interface Holder {
  readonly number: number
  readonly request: GateRequest
  readonly takenAt: number
  readonly endsAt: number
}

/**
 * A node of a heap has its rank copied from whoever is first in it: comparing two then touches nothing else, which is
 * what a wake-up among very many costs.
 */
interface RankedNode extends HeapNode, Ranked {
  number: number
  urgent: boolean
}

function place<Node extends RankedNode>(heap: IndexedHeap<Node>, node: Node, first: Ranked): void {
  node.number = first.number
  node.urgent = first.urgent
  heap.place(node)
}

/** Who holds a slot of one tier, the longest holder first. */
class Tier {
  /** Made with the first holder: most lanes in a long queue never have one. */
  #holders: Set<Holder> | undefined

  get holders(): ReadonlySet<Holder> {
    return (this.#holders ??= new Set())
  }

  get running(): number {
    return this.#holders?.size ?? 0
  }

  add(slot: Holder): void {
    ;(this.#holders ??= new Set()).add(slot)
  }

  delete(slot: Holder): void {
    this.#holders?.delete(slot)
  }
}

/** The queue for one account of a site; for all other kinds, for the provider as a whole, without a limit of its own. */
export class Lane extends Tier implements RankedNode {
  heapIndex = -1
  number = 0
  urgent = false
  readonly site: Site
  readonly subject: string | undefined
  readonly #foreground = new WaiterList<Waiter>()
  readonly #preheats = new WaiterList<Waiter>()
  waiting = 0
  #openMs = 0
  /** -1 while it is full. */
  #openSince: number

  constructor(site: Site, subject: string | undefined, now: number) {
    super()
    this.site = site
    this.subject = subject
    this.#openSince = now
  }

  get full(): boolean {
    return this.running >= this.site.section.perAccount
  }

  /** Who is first in it. Preheats arrive in order, so those that have become urgent stand before those that have not. */
  get head(): Waiter | undefined {
    const waiting = this.#foreground.first
    const preheat = this.#preheats.first
    if (!waiting || !preheat) return waiting ?? preheat
    return before(waiting, preheat) ? waiting : preheat
  }

  /** Who has waited longest, and so is the first whose patience ends. */
  get oldest(): Waiter | undefined {
    const waiting = this.#foreground.first
    const preheat = this.#preheats.first
    if (!waiting || !preheat) return waiting ?? preheat
    return waiting.number < preheat.number ? waiting : preheat
  }

  enqueue(waiter: Waiter): void {
    this.#list(waiter).add(waiter)
    this.waiting++
    this.site.waiting++
    this.site.provider.waiting++
  }

  dequeue(waiter: Waiter): void {
    this.#list(waiter).remove(waiter)
    this.waiting--
    this.site.waiting--
    this.site.provider.waiting--
  }

  /** Takes its place in the heaps again, after anything about it has changed. */
  settle(now: number): void {
    const open = this.#openSince >= 0
    if (this.full === open) {
      if (open) this.#openMs += now - this.#openSince
      this.#openSince = this.full ? -1 : now
    }
    const { head, site } = this
    if (head && !this.full) place(site.runnable, this, head)
    else site.runnable.remove(this)
    site.settle()
  }

  /** For how long in all it was not full. */
  openMsAt(now: number): number {
    return this.#openSince < 0 ? this.#openMs : this.#openMs + now - this.#openSince
  }

  #list(waiter: Waiter): WaiterList<Waiter> {
    return waiter.request.priority === 'foreground' ? this.#foreground : this.#preheats
  }
}

/** One provider within one section. */
export class Site extends Tier implements RankedNode {
  heapIndex = -1
  number = 0
  urgent = false
  readonly section: Section
  readonly provider: ProviderState
  readonly lanes = new Map<string | undefined, Lane>()
  waiting = 0
  readonly runnable = new IndexedHeap<Lane>(before)

  constructor(section: Section, provider: ProviderState) {
    super()
    this.section = section
    this.provider = provider
  }

  get full(): boolean {
    return this.running >= this.section.perSite
  }

  get head(): Waiter | undefined {
    return this.runnable.peek()?.head
  }

  settle(): void {
    const first = this.runnable.peek()
    if (first && !this.full && !this.provider.held) place(this.section.runnable, this, first)
    else this.section.runnable.remove(this)
  }
}

/** All acquisitions of kind `account`, or all others. */
export class Section extends Tier {
  readonly ofAccounts: boolean
  readonly sites = new Map<string, Site>()
  readonly runnable = new IndexedHeap<Site>(before)
  limit = 1
  perSite = 1
  perAccount = Number.POSITIVE_INFINITY

  constructor(ofAccounts: boolean) {
    super()
    this.ofAccounts = ofAccounts
  }

  get full(): boolean {
    return this.running >= this.limit
  }

  site(provider: ProviderState): Site {
    let site = this.sites.get(provider.name)
    if (!site) {
      site = new Site(this, provider)
      this.sites.set(provider.name, site)
      provider.sites.push(site)
    }
    return site
  }
}

/** What both sections know of one provider. */
export class ProviderState {
  readonly name: string
  readonly rate: RateGate
  readonly sites: Site[] = []
  waiting = 0
  /** Its rate gate is closed, and it will be looked at again when that opens. */
  held = false

  constructor(name: string, options: RateGateOptions) {
    this.name = name
    this.rate = new RateGate(options)
  }

  /** Its sites, the one with whoever is first in front. */
  inOrder(): Site[] {
    const waiting = this.sites.filter(site => site.head)
    return waiting.sort((a, b) => (before(a.head!, b.head!) ? -1 : 1))
  }
}

/** Who waits. */
export class Waiter implements Ranked {
  readonly number: number
  readonly request: GateRequest
  readonly lane: Lane
  readonly arrivedAt: number
  /** The lane's {@link Lane.openMsAt} on arrival. */
  readonly openMs: number
  /** Waited for by somebody, or a preheat that has waited long enough to count as such. */
  urgent: boolean
  /** In its lane. */
  previous: Waiter | undefined
  next: Waiter | undefined
  /** Among all of its priority. */
  earlier: Waiter | undefined
  later: Waiter | undefined
  readonly resolve: (slot: GateSlot) => void
  readonly reject: (reason: unknown) => void

  constructor(facts: Pick<Waiter, 'number' | 'request' | 'lane' | 'arrivedAt' | 'resolve' | 'reject'>) {
    this.number = facts.number
    this.request = facts.request
    this.lane = facts.lane
    this.arrivedAt = facts.arrivedAt
    this.openMs = facts.lane.openMsAt(facts.arrivedAt)
    this.urgent = facts.request.priority === 'foreground'
    this.resolve = facts.resolve
    this.reject = facts.reject
  }

  /** For how long its account was taken while it waited. */
  lockWaitMs(now: number): number {
    return now - this.arrivedAt - (this.lane.openMsAt(now) - this.openMs)
  }
}
