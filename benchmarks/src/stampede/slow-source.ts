import { setTimeout as sleep } from 'node:timers/promises'

export const fetchTimeMs = 50

/** Where tokens come from, at 50 ms each; counts how often it was asked and how long that really took. */
export class SlowSource {
  /** How often it was asked. */
  asked = 0
  /** How long the last answer took: timers are late now and then. */
  lastMs = 0

  async fetch(): Promise<string> {
    const startedAt = performance.now()
    const number = ++this.asked
    await sleep(fetchTimeMs)
    this.lastMs = performance.now() - startedAt
    return `token-${number}`
  }
}

/** So many callers at once. How long until the last one has its token, in ms. */
export async function timeOfAll(callers: number, get: (caller: number) => Promise<unknown>): Promise<number> {
  const promises = new Array<Promise<unknown>>(callers)
  const startedAt = performance.now()
  for (let caller = 0; caller < callers; caller++) promises[caller] = get(caller)
  await Promise.all(promises)
  return performance.now() - startedAt
}
