import type { SyncFilter } from './model/filter.ts'

/** Where a sync reads. Made by one function in one file, such as `jsonl()`. */
export interface Source {
  /** The driver's name, for people. */
  readonly name: string
  /**
   * What it reads: part of every position, so that a position is never used on something else. Never a secret.
   * For example an address without credentials, or a path.
   */
  readonly identity: string
  /**
   * What one whole reading sees. `snapshot`: a state as it was at one instant. `keyset`: every record that is there
   * throughout the reading, once at least. `none`: records may be missed when others move meanwhile; none is deleted
   * at the target before it was missed twice, or `get` has confirmed it.
   */
  readonly consistency: 'snapshot' | 'keyset' | 'none'
  /** `id-bytes`: elements come in the order of their ids' UTF-8. It is checked, and only a hint. */
  readonly order: 'id-bytes' | 'none'
  /** `durable`: positions hold after a restart. `session`: only for the source object that made them. */
  readonly cursors: 'durable' | 'session'
  /**
   * Yields everything behind a position, in pages, in an order that is the same when it is read again.
   * @throws HotwellError `position_lost` when the position does not fit any more: the sync reads from the start
   */
  read(request: ReadRequest): AsyncIterable<SourcePage>
  /** The elements with these ids that are there now, and nothing else. */
  get?(ids: readonly string[], options: { signal: AbortSignal }): Promise<readonly unknown[]>
  /** The element and those that it owns, directly or through others down to `depth` levels (1: its own). */
  subtree?(root: string, depth: number, options: { signal: AbortSignal }): AsyncIterable<SourcePage>
  /** Idempotent. */
  close?(): Promise<void>
}

export interface ReadRequest {
  /** A page's position; absent: from the start. */
  readonly after?: string
  /** May be applied at the source, as far as it can; it is applied again behind it. */
  readonly filter: SyncFilter
  /** So many records a page would be good. Pages may be smaller, and larger only where the source decides. */
  readonly pageRecords: number
  /** So many bytes a page, at most, where the source can tell. */
  readonly pageBytes: number
  readonly signal: AbortSignal
}

export interface SourcePage {
  /** Elements, attribute changes and relations; they are checked behind it. */
  readonly records: readonly unknown[]
  /** Behind this page. A text of the source's own making, below 64 kB. */
  readonly position: string
  /** What was no record at all, such as a line that is no JSON. */
  readonly unreadable?: readonly UnreadableRecord[]
  /** How much of the whole has been read, 0 to 1, where the source can tell. */
  readonly share?: number
}

export interface UnreadableRecord {
  /** Such as `line 17`. */
  readonly place: string
  readonly reason: string
  /** Its beginning. */
  readonly text?: string
}
