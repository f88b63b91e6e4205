import type { GateRequest } from 'hotwell/concurrency'

interface Releasable {
  release(): void
}

/** The least that can be: one number, no limit, nobody waits. */
export class PlainCounter implements Releasable {
  running = 0

  enter(_request: GateRequest): Promise<Releasable> {
    this.running++
    return Promise.resolve(this)
  }

  release(): void {
    this.running--
  }
}

/** The floor of what lets wait: a number, a limit, and an array of those who wait. No deadline, no abort, no tiers. */
export class PromiseQueue {
  readonly #limit: number
  readonly #waiting: ((slot: Releasable) => void)[] = []
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  enter(_request?: GateRequest): Promise<Releasable> {
    if (this.#running >= this.#limit) return new Promise(resolve => this.#waiting.push(resolve))
    this.#running++
    return Promise.resolve({ release: () => this.#free() })
  }

  #free(): void {
    const next = this.#waiting.shift()
    if (next) next({ release: () => this.#free() })
    else this.#running--
  }
}

interface Semaphore {
  acquire(): Promise<[number, () => void]>
}

/** How tiers are made of semaphores: one for all, one a site, one an account, taken one after the other. */
export class ThreeSemaphores {
  readonly #make: (limit: number) => Semaphore
  readonly #all: Semaphore
  readonly #sites = new Map<string, Semaphore>()
  readonly #accounts = new Map<string, Semaphore>()

  constructor(make: (limit: number) => Semaphore) {
    this.#make = make
    this.#all = make(3)
  }

  async enter({ provider, subject }: GateRequest): Promise<Releasable> {
    const releases: (() => void)[] = []
    const account = this.#of(this.#accounts, `${provider}/${subject}`, 1)
    for (const tier of [account, this.#of(this.#sites, provider, 2), this.#all]) {
      const [, release] = await tier.acquire()
      releases.push(release)
    }
    return {
      release() {
        for (const release of releases) release()
      },
    }
  }

  #of(tier: Map<string, Semaphore>, key: string, limit: number): Semaphore {
    let semaphore = tier.get(key)
    if (!semaphore) tier.set(key, (semaphore = this.#make(limit)))
    return semaphore
  }
}

/**
 * The control for wake-ups: the same three tiers, first come, first served among those who could run, found by looking
 * through all who wait.
 */
export class ScanningGate {
  readonly #waiting: { request: GateRequest; resolve: (slot: Releasable) => void }[] = []
  readonly #running = new Map<string, number>()

  enter(request: GateRequest): Promise<Releasable> {
    return new Promise(resolve => {
      this.#waiting.push({ request, resolve })
      this.#letIn(this.#waiting.length - 1)
    })
  }

  #letIn(from: number): void {
    for (let index = from; index < this.#waiting.length; index++) {
      const { request, resolve } = this.#waiting[index]!
      if (!this.#fits(request)) continue
      this.#waiting.splice(index, 1)
      this.#count(request, 1)
      resolve({
        release: () => {
          this.#count(request, -1)
          this.#letIn(0)
        },
      })
      return
    }
  }

  #fits({ provider, subject }: GateRequest): boolean {
    const running = (key: string) => this.#running.get(key) ?? 0
    return running('') < 3 && running(provider) < 2 && running(`${provider}/${subject}`) < 1
  }

  #count({ provider, subject }: GateRequest, by: number): void {
    for (const key of ['', provider, `${provider}/${subject}`])
      this.#running.set(key, (this.#running.get(key) ?? 0) + by)
  }
}
