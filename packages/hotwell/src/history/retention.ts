import type { Clock, ScheduledCall } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'

const firstMs = 60_000
const everyMs = 3_600_000

/** Purges a minute after the start and then hourly. A purge that fails is made again an hour later. */
export function createRetention({ purge, clock, logger }: { purge(): Promise<number>; clock: Clock; logger: Logger }) {
  let stopped = false
  let next: ScheduledCall = clock.schedule(run, firstMs)

  async function run(): Promise<void> {
    try {
      const deleted = await purge()
      if (deleted > 0) logger.info({ deleted }, 'Old history was deleted')
    } catch (error) {
      if (!stopped) logger.warn({ cause: String(error) }, 'Old history could not be deleted')
    }
    if (!stopped) next = clock.schedule(run, everyMs)
  }

  return {
    stop(): void {
      stopped = true
      next.cancel()
    },
  }
}
