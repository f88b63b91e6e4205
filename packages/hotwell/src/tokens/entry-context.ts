import { HotwellError } from '../core/errors.ts'
import type { AcquirerContext } from './acquirer-context.ts'
import type { Provider } from './provider.ts'
import type { Ref } from './ref.ts'

/** Why a token was dropped. */
export type DropCause = 'rejected' | 'manual' | 'dependency'

/** What an entry needs from the manager it belongs to. */
export interface EntryContext<Entry = unknown> extends AcquirerContext {
  readonly closed: boolean
  /** Every hit is logged, so none may take the fast path. */
  readonly logHits: boolean
  hit(ref: Ref): void
  /** The margin before the end of a token, in ms. */
  marginMs(ref: Ref, provider: Provider, lifeMs: number): number
  /** A flight begins. */
  flightTaken(entry: Entry): void
  /** The entry's instants have changed: whoever plans renewals should look again. */
  changed(entry: Entry): void
  /** A token was dropped: what depends on it is to be dropped too. */
  dropped(entry: Entry, generation: number, cause: DropCause): void
}

/** What a caller is told who wants an acquisition after closing. */
export function closedFor(ref: Ref): HotwellError {
  return new HotwellError('closed', `The token manager is closed; ${ref.canonical} is not acquired any more.`)
}
