import { HotwellError, isHotwellError, type Logger } from 'hotwell'
import type { RunBook } from './run-book.ts'
import { heldBy, RunLeases } from './run-leases.ts'
import { isOver, type RunRecord } from './run-record.ts'

export interface RunTenureParts {
  readonly book: RunBook
  readonly log: Logger
  /** Another server has what ran here. */
  readonly lost: (sync: string) => Promise<void> | undefined
  /** A run that its server has left. */
  readonly left: (record: RunRecord) => Promise<void>
  /** No other server has it any more. */
  readonly freed: (sync: string) => Promise<void>
}

/** So often it is told that this server lives, and looked for what others have left. */
const beatMs = 2000

/** What of the syncs is this server's to run: takes it, and looks after what other servers on the data folder have. */
export class RunTenure {
  readonly #parts: RunTenureParts
  readonly #leases: RunLeases
  /** Those that are about to be taken. */
  readonly #taking = new Set<string>()
  /** Those that another server has. */
  #elsewhere = new Set<string>()
  #beating: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(parts: RunTenureParts) {
    this.#parts = parts
    this.#leases = new RunLeases(parts.book)
  }

  /** @throws HotwellError `conflict` while another server has a run of it, or this one takes it already; `closed` */
  async take(sync: string, run: string): Promise<void> {
    if (this.#taking.has(sync)) throw new HotwellError('conflict', `A run of the sync "${sync}" begins already.`)
    this.#taking.add(sync)
    try {
      await this.#leases.take(sync, run)
    } catch (error) {
      if (isHotwellError(error, 'conflict')) this.#elsewhere.add(sync)
      if (isHotwellError(error, 'conflict') || this.#isClosed) throw error
      // A run goes on also while nothing can be written down: the target knows who was the last to claim it.
      this.#parts.log.warn({ err: error, sync }, 'It could not be written down that this server runs the sync')
    } finally {
      this.#taking.delete(sync)
    }
    if (this.#isClosed) throw new HotwellError('closed', 'The server is closing.')
  }

  release(sync: string, run: string): Promise<void> {
    return this.#leases.release(sync, run)
  }

  /** Whether another server had the sync when it was last looked at. */
  wasElsewhere(sync: string): boolean {
    return this.#elsewhere.has(sync)
  }

  async isElsewhere(sync: string): Promise<boolean> {
    return (await this.#leases.elsewhere(sync)) !== undefined
  }

  /** @throws HotwellError `conflict` for a run that another server has */
  async assertNotElsewhere({ sync, id }: RunRecord): Promise<void> {
    const held = await this.#leases.elsewhere(sync)
    if (held?.run === id) throw heldBy(held)
  }

  /** Begins to look after it. */
  begin(): void {
    const beat = () =>
      this.#beat()
        .catch(error => this.#parts.log.warn({ err: error }, 'It could not be told that this server lives'))
        .then(() => this.begin())
    if (!this.#isClosed) this.#beating = setTimeout(() => void beat(), beatMs).unref()
  }

  /** Nothing more is taken. */
  stop(): void {
    this.#isClosed = true
    clearTimeout(this.#beating)
  }

  /** What this server had is for whoever sees it. */
  leaveAll(): Promise<void> {
    return this.#leases.leaveAll()
  }

  async #beat(): Promise<void> {
    const { book, lost, left, freed } = this.#parts
    if (!book.isThere) return
    const held = new Set<string>()
    for (const lease of await this.#leases.beat()) {
      const { sync, run, server } = lease
      if (this.#isClosed) return
      if (this.#leases.isElsewhere(lease)) {
        held.add(sync)
        await lost(sync)
        continue
      }
      const record = await book.get(run)
      if (record && !isOver(record)) await left(record)
      else await this.#leases.release(sync, run, server)
    }
    const free = [...this.#elsewhere].filter(sync => !held.has(sync))
    this.#elsewhere = held
    for (const sync of free) await freed(sync)
  }
}
