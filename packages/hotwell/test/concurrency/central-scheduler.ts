import type { Login, Served } from './traffic.ts'

export interface Capacity {
  readonly all: number
  readonly perSite: number
  readonly perAccount: number
}

/**
 * What the gate is measured by: one list, looked through from the front whenever somebody comes or goes, and everybody
 * starts who can. Slow, and as plain as can be. `strict` never lets anybody pass anybody: the control.
 */
export function schedule(logins: readonly Login[], capacity: Capacity, strict = false): Served[] {
  const coming = [...logins].sort((a, b) => a.arriveMs - b.arriveMs)
  let waiting: Login[] = []
  let running: Served[] = []
  const served: Served[] = []
  while (coming.length > 0 || waiting.length > 0 || running.length > 0) {
    const ends = running.map(one => one.startMs + one.serviceMs)
    const now = Math.min(coming[0]?.arriveMs ?? Number.POSITIVE_INFINITY, ...ends)
    running = running.filter(one => one.startMs + one.serviceMs > now)
    while (coming[0] && coming[0].arriveMs <= now) waiting.push(coming.shift()!)
    const left: Login[] = []
    for (const login of waiting) {
      const here = running.filter(one => one.site === login.site)
      const same = here.filter(one => one.account === login.account)
      const fits = running.length < capacity.all && here.length < capacity.perSite && same.length < capacity.perAccount
      if (!fits || (strict && left.length > 0)) {
        left.push(login)
        continue
      }
      const started = { ...login, startMs: now }
      running.push(started)
      served.push(started)
    }
    waiting = left
  }
  return served
}

export function meanWaitMs(served: readonly Served[]): number {
  return served.reduce((sum, one) => sum + one.startMs - one.arriveMs, 0) / served.length
}
