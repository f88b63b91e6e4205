import type { Clock } from '../../../core/clock.ts'
import { isHotwellError } from '../../../core/errors.ts'
import { type Logger, silentLogger } from '../../../core/logger.ts'
import type { Sealer } from '../../../core/seal.ts'
import type { Database } from '../../../database/database.ts'
import { tokensRecords } from '../../../database/migrations/001-tokens-records.ts'
import {
  claimState,
  commitState,
  emptyState,
  entryOf,
  extendState,
  failState,
  intendState,
  invalidateState,
  type Now,
  releaseState,
  type TokenState,
  type Transition,
} from '../../store-transitions.ts'
import type { TokenKey, TokenStore } from '../../token-store.ts'
import { ChangeWatch } from './change-watch.ts'
import { isSealedBy, openSealer } from './seal-check.ts'
import {
  changesAfter,
  dropDeadClaims,
  findRow,
  forgetUnusedKeys,
  lastSequence,
  purgeSome,
  resealSome,
  writeRow,
} from './token-queries.ts'
import { columnsOf, stateOf, type TokenTables } from './token-row.ts'

/** A token store in an SQL database. */
export interface SqlTokenStore extends TokenStore {
  /**
   * Seals again with the first key whatever another one has sealed, in small steps beside the running work. A record
   * that no key opens is left as it is. Afterwards the other keys are not needed any more.
   */
  reseal(): Promise<{ resealed: number; unreadable: number }>
  /** Removes records that are long over. Happens by itself about once an hour; returns how many it removed. */
  purge(): Promise<number>
}

export interface SqlTokenStoreOptions {
  readonly scope: TokenStore['scope']
  readonly clock: Clock
  readonly logger?: Logger
  connect(): Promise<Database<TokenTables>>
  /** The encryption keys; `sealed.by` names the ones that the store's content was sealed with so far. */
  keys(sealed: { by: readonly string[] }): Promise<readonly string[]>
  /** Whether another connection has written since the last call. */
  changed(database: Database<TokenTables>): Promise<boolean>
}

const purgeEveryMs = 3_600_000

interface Opened {
  readonly database: Database<TokenTables>
  readonly sealer: Sealer
}

export function sqlTokenStore(options: SqlTokenStoreOptions): SqlTokenStore {
  return new SqlStore(options)
}

class SqlStore implements SqlTokenStore {
  readonly scope: TokenStore['scope']
  readonly watch: TokenStore['watch']
  readonly #options: SqlTokenStoreOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #changes: ChangeWatch
  /** By key id: why a record cannot be opened. */
  readonly #unreadable = new Map<string, string>()
  #failure: { message: string; writing: boolean } | undefined
  #opening: Promise<Opened> | undefined
  #purging: Promise<unknown> | undefined
  #purgedAt = -Infinity
  #closing: Promise<void> | undefined

  constructor(options: SqlTokenStoreOptions) {
    this.#options = options
    this.scope = options.scope
    this.#clock = options.clock
    this.#logger = options.logger ?? silentLogger
    this.#changes = new ChangeWatch(options.clock, {
      changed: () => this.#run(({ database }) => options.changed(database)),
      after: sequence => this.#run(({ database }) => changesAfter(database, sequence)),
    })
    this.watch = this.#changes.watch
  }

  async open(): Promise<void> {
    await this.#run(async () => {})
  }

  read: TokenStore['read'] = key =>
    this.#run(async ({ database, sealer }) => {
      // Before the record: a change in between is then told to a later watcher, not lost.
      if (this.#changes.isIdle) this.#changes.startFrom(await database.query(lastSequence))
      const row = await database.query(kysely => findRow(kysely, key.id))
      return entryOf(row ? this.#noted(key.id, stateOf(row, sealer)) : emptyState, this.#now())
    })

  claim: TokenStore['claim'] = (key, request) => this.#apply(key, (state, now) => claimState(state, now, request, key))

  extend: TokenStore['extend'] = (claim, ttlMs) =>
    this.#apply(claim.key, (state, now) => extendState(state, now, claim, ttlMs))

  intend: TokenStore['intend'] = (claim, spent) =>
    this.#apply(claim.key, (state, now) => intendState(state, now, claim, spent), true)

  /** A grant is on the disk before anybody gets its access token; a plain token can be acquired again. */
  commit: TokenStore['commit'] = async (claim, token, options = {}) => {
    const durable = token.grant !== undefined || options.spent !== undefined
    const decide = (state: TokenState, now: Now) => commitState(state, now, claim, token, options)
    const result = await this.#apply(claim.key, decide, durable)
    this.#purgeSometimes()
    return result
  }

  fail: TokenStore['fail'] = (claim, failure) =>
    this.#apply(claim.key, (state, now) => failState(state, now, claim, failure))

  release: TokenStore['release'] = claim => this.#apply(claim.key, state => releaseState(state, claim))

  invalidate: TokenStore['invalidate'] = (key, generation) =>
    this.#apply(key, state => invalidateState(state, generation))

  problems(): readonly string[] {
    const unreadable = [...this.#unreadable.values()]
    return this.#failure ? [this.#failure.message, ...unreadable] : unreadable
  }

  async reseal(): Promise<{ resealed: number; unreadable: number }> {
    const counts = { resealed: 0, unreadable: 0 }
    for (let after: string | undefined = ''; after !== undefined; ) {
      const from: string = after
      const step = await this.#run(({ database, sealer }) =>
        database.transaction(transaction => resealSome(transaction, sealer, from)),
      )
      counts.resealed += step.resealed
      counts.unreadable += step.unreadable
      after = step.next
    }
    await this.#run(({ database, sealer }) => database.query(kysely => forgetUnusedKeys(kysely, sealer.keyId)))
    return counts
  }

  purge(): Promise<number> {
    const now = this.#now()
    this.#purgedAt = now.wallMs
    return this.#run(async ({ database }) => {
      for (let removed = 0; ; ) {
        const some = await database.query(kysely => purgeSome(kysely, now))
        removed += some
        if (some === 0) return removed
      }
    })
  }

  async cleanup(): Promise<{ deadClaims: number; oldRecords: number }> {
    const now = this.#now()
    const deadClaims = await this.#run(({ database }) => database.query(kysely => dropDeadClaims(kysely, now)))
    return { deadClaims, oldRecords: await this.purge() }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#changes.close()
    await this.#purging
    const opened = await this.#opening?.catch(() => undefined)
    await opened?.database.close()
  }

  #purgeSometimes(): void {
    if (Math.abs(this.#clock.now() - this.#purgedAt) < purgeEveryMs) return
    this.#purging = this.purge().catch(() => {})
  }

  /** One transaction: read what is there, decide, write the change. */
  async #apply<Result>(
    key: TokenKey,
    decide: (state: TokenState, now: Now) => Transition<Result>,
    durable = false,
  ): Promise<Result> {
    return this.#run(
      async ({ database, sealer }) => {
        const { result, told, last } = await database.transaction(
          async transaction => {
            const row = await findRow(transaction, key.id)
            const state = row ? this.#noted(key.id, stateOf(row, sealer)) : emptyState
            const now = this.#now()
            const { result, change, event } = decide(state, now)
            const columns = change && columnsOf(key, state, change, sealer)
            if (columns && !row && !(await isSealedBy(transaction, sealer))) throw new SealMissing()
            const sequence = columns && (await writeRow(transaction, { key, row, columns, event, at: now.wallMs }))
            const told = event && sequence ? { sequence, event: Object.freeze({ id: key.id, type: event }) } : undefined
            return { result, told, last: this.#changes.isIdle ? await lastSequence(transaction) : 0 }
          },
          { durable },
        )
        if (this.#changes.isIdle) this.#changes.startFrom(last)
        else if (told) this.#changes.tell(told)
        return result
      },
      { writing: true },
    )
  }

  /** Every operation passes here: it opens the store first, and notes for health whether the store works. */
  async #run<T>(operation: (opened: Opened) => Promise<T>, { writing = false, again = false } = {}): Promise<T> {
    try {
      const result = await operation(await this.#open())
      // A full disk can still be read: that does not end a failure to write.
      if (this.#failure && (writing || !this.#failure.writing)) this.#note(undefined)
      return result
    } catch (error) {
      if (error instanceof SealMissing && !again) {
        this.#opening = this.#sealAnew(await this.#open())
        return this.#run(operation, { writing, again: true })
      }
      if (isHotwellError(error, 'store_unavailable')) this.#note({ message: error.message, writing })
      else if (isHotwellError(error, 'store_unreadable') && !error.details.record)
        this.#note({ message: error.message, writing: false })
      throw error
    }
  }

  #note(failure: { message: string; writing: boolean } | undefined): void {
    const former = this.#failure?.message
    this.#failure = failure
    if (!failure) this.#logger.info({ scope: this.scope }, 'The token store works again')
    else if (failure.message !== former)
      this.#logger.warn({ scope: this.scope, error: failure.message }, 'The token store failed')
  }

  async #open(): Promise<Opened> {
    const opening = (this.#opening ??= this.#prepare())
    try {
      return await opening
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
  }

  async #prepare(): Promise<Opened> {
    const database = await this.#options.connect()
    try {
      await database.migrate([tokensRecords])
      const sealer = await openSealer(database, this.#options.keys)
      this.#changes.startFrom(await database.query(lastSequence))
      return { database, sealer }
    } catch (error) {
      await database.close()
      throw error
    }
  }

  async #sealAnew({ database }: Opened): Promise<Opened> {
    return { database, sealer: await openSealer(database, this.#options.keys) }
  }

  #noted(id: string, state: TokenState): TokenState {
    if (state.unreadable) this.#unreadable.set(id, state.unreadable)
    else this.#unreadable.delete(id)
    return state
  }

  #now(): Now {
    return { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic(), bootId: this.#clock.bootId }
  }
}

/** An empty database lies where the opened one was: its key may be gone as well, and the next start must find one. */
class SealMissing extends Error {}
