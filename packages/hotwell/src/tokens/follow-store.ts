import { isHotwellError } from '../core/errors.ts'
import type { EntryContext } from './entry-context.ts'
import type { TokenEntry } from './token-entry.ts'
import type { StoreEvent, TokenRecord } from './token-store.ts'

/** Takes over what others who share the store have stored or dropped. */
export async function followStore(context: EntryContext, entry: TokenEntry, type: StoreEvent['type']): Promise<void> {
  if (type !== 'stored' && type !== 'invalidated') return
  // A running flight finds out by itself, and one's own changes are told as well.
  if (type === 'stored' && entry.flights.running) return
  const found = await context.store.read(entry.key).catch(ignoreUnreadable)
  if (found?.token) adopt(context, entry, found.token)
  else if (found?.tombstone !== undefined) follow(entry, found.tombstone)
}

/** Takes over a token, if it is newer than all seen here. */
function adopt({ clock, events }: EntryContext, entry: TokenEntry, token: TokenRecord): void {
  const { held, rejections, ref } = entry
  const { generation, expiresAt } = token
  if (generation <= held.seenGeneration || expiresAt <= clock.now() || rejections.refuses(token.value)) return
  entry.install({ token, from: 'store', unchanged: false })
  events.emit('token.adopted', Object.freeze({ ref: ref.canonical, generation }))
}

/** Somebody dropped every generation up to this one, and why is not known: until it is stored again it is suspect. */
function follow(entry: TokenEntry, tombstone: number): void {
  const record = entry.current?.record
  if (!record || record.generation > tombstone) return
  entry.rejections.suspect(record.value)
  entry.forget(record.generation, 'rejected')
}

/** The next claim of this entry meets the same failure and tells it to a caller. */
export function ignoreUnreadable(error: unknown): undefined {
  if (!isHotwellError(error)) throw error
}
