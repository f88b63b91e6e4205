import { createGate, type GateLimits } from 'hotwell/concurrency'
import { FakeClock } from '../../src/testing/fake-clock.ts'

/** One login that will be wanted, and how long the site will take for it. */
export interface Login {
  readonly site: string
  readonly account: string
  readonly arriveMs: number
  readonly serviceMs: number
}

export interface Served extends Login {
  readonly startMs: number
}

/** What somebody at the door sees: who comes, who is let in, who goes. Knows nothing of the gate. */
export class DoorCounter {
  readonly most = { all: 0, site: 0, account: 0 }
  /** Who saw somebody let in who had come later, although they could have run themselves. */
  readonly overtaken: Login[] = []
  readonly #waiting = new Set<Login>()
  readonly #inside = new Map<string, number>()

  ask(login: Login): void {
    this.#waiting.add(login)
  }

  enter(login: Login): void {
    for (const earlier of this.#waiting) {
      if (earlier === login) break
      if (this.#fits(earlier)) this.overtaken.push(earlier)
    }
    this.#waiting.delete(login)
    const { site, account } = login
    this.most.all = Math.max(this.most.all, this.#count('', 1))
    this.most.site = Math.max(this.most.site, this.#count(site, 1))
    this.most.account = Math.max(this.most.account, this.#count(`${site}/${account}`, 1))
  }

  giveUp(login: Login): void {
    this.#waiting.delete(login)
  }

  leave({ site, account }: Login): void {
    for (const key of ['', site, `${site}/${account}`]) this.#count(key, -1)
  }

  get inside(): number {
    return this.#inside.get('') ?? 0
  }

  #fits({ site, account }: Login): boolean {
    const [here, same] = [site, `${site}/${account}`].map(key => this.#inside.get(key) ?? 0)
    return this.inside < 3 && here! < 2 && same! < 1
  }

  #count(key: string, by: number): number {
    const count = (this.#inside.get(key) ?? 0) + by
    this.#inside.set(key, count)
    return count
  }
}

/** Sends all of it through a gate with the limits 3, 2 and 1, and returns it in the order in which it was let in. */
export async function throughGate(logins: readonly Login[], options: { limits?: GateLimits; preheats?: number } = {}) {
  const { limits, preheats = 0 } = options
  const clock = new FakeClock()
  const gate = createGate({ clock, ...limits })
  const door = new DoorCounter()
  const startedAt = clock.monotonic()
  const served: Served[] = []
  const refused: Login[] = []
  logins.forEach((login, index) => {
    const priority = (index * preheats) % 1 < preheats ? 'preheat' : 'foreground'
    clock.schedule(() => {
      door.ask(login)
      gate.enter({ provider: login.site, kind: 'account', subject: login.account, priority }).then(
        slot => {
          door.enter(login)
          served.push({ ...login, startMs: clock.monotonic() - startedAt })
          clock.schedule(() => {
            door.leave(login)
            slot.release()
          }, login.serviceMs)
        },
        () => {
          door.giveUp(login)
          refused.push(login)
        },
      )
    }, login.arriveMs)
  })
  while (served.length + refused.length < logins.length || door.inside > 0) await clock.advance(60_000)
  return { served, refused, door, usage: gate.usage() }
}
