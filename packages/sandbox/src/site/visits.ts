import { randomBytes } from 'node:crypto'
import { ExpiringMap } from '../expiring-map.ts'

/** One browser, or what passes for one, before it has logged in. Known by its cookie. */
interface Visit {
  /** The hidden field that has to come back with the form. */
  formToken: string
  /** The answer to the last captcha it was shown; good for one try. */
  answer?: string
}

export interface Captcha {
  /** An SVG image whose text is a sum, such as `17 + 25 = ?`. A program finds the answer by adding. */
  svg: string
}

const LIFE_MS = 600_000

/** Who looks at the login page, and which captcha they were shown. A visit is forgotten after ten minutes. */
export class Visits {
  readonly #visits: ExpiringMap<Visit>
  readonly #random: () => number
  readonly #now: () => number

  constructor(random: () => number, now: () => number) {
    this.#visits = new ExpiringMap(now)
    this.#random = random
    this.#now = now
  }

  /** The visit of a cookie, or a new one. */
  enter(cookie: string | undefined): { id: string; visit: Visit } {
    const known = cookie === undefined ? undefined : this.#visits.get(cookie)
    if (cookie !== undefined && known) return { id: cookie, visit: known }
    const id = randomBytes(12).toString('hex')
    const visit = { formToken: randomBytes(12).toString('hex') }
    this.#visits.set(id, visit, this.#now() + LIFE_MS)
    return { id, visit }
  }

  find(cookie: string | undefined): Visit | undefined {
    return cookie === undefined ? undefined : this.#visits.get(cookie)
  }

  /** A fresh captcha; the one before it is void. */
  challenge(visit: Visit): Captcha {
    const [one, other] = [this.#digits(), this.#digits()]
    visit.answer = String(one + other)
    const text = `<text x="12" y="32" font-family="monospace" font-size="24">${one} + ${other} = ?</text>`
    return { svg: `<svg xmlns="http://www.w3.org/2000/svg" width="180" height="48">${text}</svg>` }
  }

  /** Whether the answer is right. However it is, this captcha has been used up. */
  solves(visit: Visit | undefined, answer: unknown): boolean {
    if (!visit?.answer) return false
    const right = String(answer ?? '').trim() === visit.answer
    visit.answer = undefined
    return right
  }

  #digits(): number {
    return 10 + Math.floor(this.#random() * 90)
  }
}
