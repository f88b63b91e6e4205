import type { SyncFacts } from '../syncs/syncs.ts'
import { instant } from './instant.ts'
import { runReply } from './run-facts.ts'
import type { SyncReply } from './sync-schemas.ts'

/** A sync as it goes over HTTP. */
export function syncReply({ plan, running, last, nextAt }: SyncFacts): SyncReply {
  return {
    name: plan.name,
    intervalSeconds: plan.intervalSeconds ?? null,
    nextAt: instant(nextAt),
    running: running ? runReply(running) : null,
    last: last ? runReply(last) : null,
  }
}
