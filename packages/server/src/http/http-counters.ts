import { Counter, type Registry } from '@prometheus-io/client'

/** Replies by route and status, in plain fields that are read when somebody scrapes. */
export class HttpCounters {
  readonly #counts = new Map<string, { route: string; status: string; count: number }>()

  count(route: string, status: number): void {
    const key = `${status} ${route}`
    const entry = this.#counts.get(key)
    if (entry) entry.count++
    else this.#counts.set(key, { route, status: String(status), count: 1 })
  }

  /** A counter of one's own for a route and status, for where even the key above would cost too much. */
  counter(route: string, status: number): { count: number } {
    const entry = { route, status: String(status), count: 0 }
    this.#counts.set(`${status} ${route}`, entry)
    return entry
  }

  register(registry: Registry): void {
    const counts = this.#counts
    new Counter({
      name: 'hotwell_http_requests_total',
      help: 'Replies by route and status',
      labelNames: ['route', 'status'],
      registers: [registry],
      collect() {
        this.reset()
        for (const { route, status, count } of counts.values()) this.inc({ route, status }, count)
      },
    })
  }
}
