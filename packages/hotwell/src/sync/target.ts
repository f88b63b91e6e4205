import type { Batch, DeadLetter, DeadLetterKey, RelationRow } from './model/rows.ts'

/** Where a sync writes. Made by one function in one file, such as `sqlite()`. */
export interface Target {
  /** The driver's name, for people. */
  readonly name: string
  /** So many records a transaction suit it. */
  readonly preferredBatch: number
  /** How many transactions it takes at once, unless configured otherwise. */
  readonly preferredLanes: number
  /**
   * For so long a connection is kept behind a run, in ms, for the next one: where it keeps no process alive, and clearing
   * up behind it costs something. With 0 a run only ends when it is closed. @default 0
   */
  readonly keptMs?: number
  /**
   * Makes the tables that are missing, and connects.
   * @throws HotwellError `target_unavailable`, or `target_unreadable` for tables that it cannot use
   */
  connect(sync: string): Promise<TargetConnection>
}

/** The row that is a run's own among its lanes. */
export const runLane = -1

/** What is kept for one sync, as the one who claimed it found it. */
export interface Claim {
  /** Grows with each claim. */
  readonly epoch: number
  /** What was saved last for the run and each lane; a text of the engine's own making. */
  readonly saved: ReadonlyMap<number, string>
}

/**
 * One sync's way into its target. All that fails for the target's sake is a HotwellError `target_unavailable`; it is
 * tried again.
 */
export interface TargetConnection {
  /**
   * Becomes the one that writes for this sync, in a transaction of its own. From then on whoever claimed before writes
   * nothing more, also if it was in the middle of a transaction: that one comes first, or not at all.
   */
  claim(): Promise<Claim>
  /**
   * Runs `work` in a transaction whose first statement locks the row of that lane where the epoch is that of this
   * connection's claim; `saved` is what it holds. One at a time per lane; lanes run beside each other.
   * @throws HotwellError `superseded` when somebody else has claimed the sync meanwhile
   */
  transaction<T>(
    lane: number,
    work: (transaction: TargetTransaction, saved: string | undefined) => Promise<T>,
  ): Promise<T>
  /**
   * Elements that this sync wrote, in the order of their ids' bytes, behind `after`: at most `limit`, fewer only at the
   * end.
   */
  ownElements(after: string | undefined, limit: number): Promise<readonly OwnElement[]>
  /** The same elements with all that lies there, for whoever compares it: somebody may have changed it. */
  ownContents(after: string | undefined, limit: number): Promise<readonly OwnContent[]>
  /** The same of relations, pending ones included, in the order of from, type, to. */
  ownRelations(after: RelationRow | undefined, limit: number): Promise<readonly OwnRelation[]>
  /** What is staged for deletion, in any stable order, behind `after`. */
  staged(after: StagedRow | undefined, limit: number): Promise<readonly StagedRow[]>
  /**
   * Everything of a run is applied: what was put off until now is done, such as indexes. What nobody has to wait for may
   * go on behind it; then closing waits for it. May be called again.
   */
  settle(): Promise<void>
  /**
   * Ids that elements name as their owner, in the order of their bytes, behind `after`: at most `limit`, fewer only at
   * the end. Each with its own owner, where it is an element of this sync that has one.
   */
  ownerLinks(after: string | undefined, limit: number): Promise<readonly OwnerLink[]>
  /** What {@link claim} would find saved, without claiming. */
  saved(): Promise<Claim['saved']>
  /** Records that could not be taken, each with the reason, in any stable order, behind `after`: at most `limit`. */
  readDeadLetters(after: DeadLetterKey | undefined, limit: number): Promise<readonly DeadLetter[]>
  /** How many elements and relations this sync has there; pending ones count. */
  countOwn(): Promise<number>
  /** Idempotent. Transactions that are under way are rolled back. */
  close(): Promise<void>
}

export interface OwnElement {
  readonly id: string
  readonly type: string
  readonly modifiedAt: number | null
  readonly hash: string
}

export interface OwnContent extends OwnElement {
  readonly name: string
  readonly ownerId: string | null
  /** JSON, its names in any order. */
  readonly attributes: string
}

export interface OwnerLink {
  readonly id: string
  readonly ownerId: string | null
}

export interface OwnRelation extends RelationRow {
  readonly pending: boolean
}

/** What a complete reading did not meet. */
export interface StagedRow {
  readonly kind: 'element' | 'relation'
  readonly element?: string
  readonly relation?: RelationRow
  /** Of an element: deleted only while it is still this. */
  readonly hash?: string
  /** The pass that missed it first; all since then have. */
  readonly firstPass: number
  readonly lastPass: number
}

/** A part of the order of ids that a batch covers entirely. */
export interface IdRange {
  /** Excluded; absent: from the beginning. */
  readonly after?: string
  /** Included; absent: to the end. */
  readonly through?: string
}

export interface Applied {
  readonly inserted: number
  readonly updated: number
  /** Were there already, as they are. */
  readonly unchanged: number
  /** Elements and relations that were there and are not any more. Relations that go with their element count. */
  readonly deleted: number
  /** Relations that wait for an end. They count among the inserted or unchanged as well. */
  readonly pending: number
  /** Records that the target refused for what they are. Everything else was applied. */
  readonly refused: readonly DeadLetter[]
}

/** What a batch was read in. */
export interface Reading {
  /** The number of the pass that reads all that the source has; undefined: less than that is read. */
  readonly fullPass: number | undefined
}

/** What {@link TargetTransaction.writeSplit} did. */
export interface SplitWritten {
  readonly updated: number
  readonly refused: readonly DeadLetter[]
  /** Where the next one goes on; undefined: that was all. */
  readonly through: string | undefined
}

/** Within a transaction. What it does is seen by itself at once, by others when it has committed. */
export interface TargetTransaction {
  /**
   * Writes what differs. Rows of other syncs are left alone: an element or relation that belongs to another one is
   * refused. A relation one of whose ends is missing becomes pending. With an element go its relations; those of other
   * syncs become pending.
   *
   * In a reading, changes that come apart from their element are remembered: an element known to have such ones is left
   * as it is in a full pass, and counts as unchanged, until {@link writeSplit}; in less than that it keeps them. Without
   * `reading` all rows are written as they are given.
   */
  apply(batch: Batch, reading?: Reading): Promise<Applied>
  /**
   * At the end of a full pass: elements whose changes came apart from them become what that pass has of them; those behind
   * `after`, as many as suit a transaction. May be repeated.
   */
  writeSplit(fullPass: number, after: string | undefined): Promise<SplitWritten>
  /** Forgets the hashes of elements of this sync: {@link apply} then writes them, whatever lies there. */
  forgetHashes(ids: readonly string[]): Promise<void>
  /** How many elements there are within a range of ids, whosesoever. */
  countElementsIn(range: IdRange): Promise<number>
  /** Elements of this sync within a range of ids. */
  ownElementsIn(range: IdRange): Promise<readonly OwnElement[]>
  /** Keeps what the lane has got to. */
  save(lane: number, text: string): Promise<void>
  /**
   * Forgets all lanes but the run's own row and makes so many, empty ones; what was seen is forgotten as well, and dead
   * letters other than circles of owners.
   */
  makeLanes(count: number): Promise<void>
  /** Keeps keys that were seen. Once for each number. */
  saveSeen(lane: number, number: number, keys: Uint8Array): Promise<void>
  readSeen(after: { lane: number; number: number } | undefined, limit: number): Promise<readonly SeenKeys[]>
  /**
   * Stages what a pass did not meet. What the pass `formerPass` staged as well keeps its first pass.
   */
  stage(rows: readonly Omit<StagedRow, 'firstPass' | 'lastPass'>[], pass: number, formerPass: number): Promise<void>
  /** Takes off the list: those, or all that were last missed before that pass. */
  unstage(what: { before: number } | { rows: readonly StagedRow[] }): Promise<void>
  /**
   * Deletes those of the staged that are still this sync's and still the same, and takes them all off the list. Relations
   * of an element that goes become pending, whosesoever they are: those that the source lacks are staged themselves.
   */
  deleteStaged(rows: readonly StagedRow[]): Promise<{ elements: number; relations: number }>
  /** Makes relations of the pending ones of this sync whose ends are there now, and returns how many. */
  promotePending(): Promise<number>
  deadLetters(run: string, letters: readonly DeadLetter[]): Promise<void>
  /** Keeps dead letters of the kind `cycle`, in the place of all others of it. */
  cycles(run: string, letters: readonly DeadLetter[]): Promise<void>
}

export interface SeenKeys {
  readonly lane: number
  readonly number: number
  readonly keys: Uint8Array
}
