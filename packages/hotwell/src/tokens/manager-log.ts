import type { Events } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import type { TokenEvents } from './token-events.ts'

/** Writes what a manager tells to the log: renewals as info, failures as warnings. Never a token or secret. */
export function logEvents(events: Events<TokenEvents>, logger: Logger): void {
  events.on('acquisition.finished', record => {
    const { ref, status, trigger, unchanged, attempts, totalMs, providerMs, queueWaitMs, generation } = record
    const fields = { ref, status, trigger, attempts, totalMs: Math.round(totalMs), providerMs: Math.round(providerMs) }
    if (status !== 'success') {
      const { errorCode, errorMessage } = record
      logger.warn({ ...fields, errorCode, errorMessage }, `Acquiring ${ref} failed`)
    } else if (unchanged) {
      logger.debug({ ...fields, generation }, `${ref} was not renewed: the provider returned the same token`)
    } else {
      logger.info({ ...fields, queueWaitMs: Math.round(queueWaitMs), generation }, `Acquired ${ref}`)
    }
  })
  events.on('token.adopted', fields => logger.debug(fields, `Took over ${fields.ref} from the store`))
  events.on('token.invalidated', fields => logger.info(fields, `Dropped ${fields.ref}`))
  events.on('breaker.opened', fields => logger.warn(fields, `Stopped asking provider ${fields.provider}`))
  events.on('breaker.closed', fields => logger.info(fields, `Provider ${fields.provider} works again`))
  events.on('clock.jumped', fields => logger.warn(fields, 'The clock was set, or the machine was suspended'))
  events.on('store.failed', fields => logger.warn(fields, 'The token store fails; tokens are kept in memory only'))
  events.on('store.recovered', fields => logger.info(fields, 'The token store works again'))
}
