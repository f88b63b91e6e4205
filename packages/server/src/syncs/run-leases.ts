import { randomUUID } from 'node:crypto'
import { HotwellError } from 'hotwell'
import type { LeaseRow, RunBook } from './run-book.ts'
import { isThere, type ServerProcess, thisProcess } from './server-process.ts'

/** A server that cannot be looked for, as in another container, is gone when it was not heard of for so long. */
const silentMs = 30_000

/** Which server on a data folder runs which sync, so that two of them never run the same. */
export class RunLeases {
  readonly #book: RunBook
  readonly #server = randomUUID()
  readonly #process = JSON.stringify(thisProcess())
  #last: Promise<unknown> = Promise.resolve()

  constructor(book: RunBook) {
    this.#book = book
  }

  /** @throws HotwellError `conflict` while another living server has it; what the file says */
  async take(sync: string, run: string): Promise<void> {
    const mine = { sync, server: this.#server, run, process: this.#process }
    for (;;) {
      const found = await this.#one(sync)
      if (found?.server === this.#server && found.run === run) return
      if (found && this.isElsewhere(found)) throw heldBy(found)
      const row: LeaseRow = { ...mine, beat_at: Date.now() }
      await this.#book.query(database =>
        database
          .insertInto('sync_leases')
          .values(row)
          .onConflict(conflict =>
            conflict
              .column('sync')
              .doUpdateSet(row)
              // Only over what was seen: of two that find it free, one has it.
              .where('sync_leases.server', '=', found?.server ?? '')
              .where('sync_leases.beat_at', '=', found?.beat_at ?? 0),
          )
          .execute(),
      )
    }
  }

  /** The run is over. `server`: who had it; absent: this one. */
  release(sync: string, run: string, server: string = this.#server): Promise<void> {
    return this.#inTurn(() =>
      this.#book.query(database =>
        database
          .deleteFrom('sync_leases')
          .where('sync', '=', sync)
          .where('run', '=', run)
          .where('server', '=', server)
          .execute(),
      ),
    )
  }

  /** The server ends: whoever sees what it had may go on with it at once. */
  leaveAll(): Promise<void> {
    if (!this.#book.isThere) return Promise.resolve()
    return this.#inTurn(() =>
      this.#book.query(database =>
        database.updateTable('sync_leases').set({ server: '' }).where('server', '=', this.#server).execute(),
      ),
    )
  }

  /** Tells that this server lives. Resolves what others have, or have left. */
  async beat(): Promise<LeaseRow[]> {
    await this.#book.query(database =>
      database.updateTable('sync_leases').set({ beat_at: Date.now() }).where('server', '=', this.#server).execute(),
    )
    return this.others()
  }

  async others(): Promise<LeaseRow[]> {
    const rows = await this.#book.query(database => database.selectFrom('sync_leases').selectAll().execute())
    return rows.filter(({ server }) => server !== this.#server)
  }

  /** The run's, if another living server has it. */
  async elsewhere(sync: string): Promise<LeaseRow | undefined> {
    const found = await this.#one(sync)
    return found && this.isElsewhere(found) ? found : undefined
  }

  /** Whether another server has it that lives. */
  isElsewhere({ server, process, beat_at: beatAt }: LeaseRow): boolean {
    if (server === '' || server === this.#server) return false
    return isThere(JSON.parse(process) as ServerProcess) ?? Date.now() < beatAt + silentMs
  }

  async #one(sync: string): Promise<LeaseRow | undefined> {
    const rows = await this.#book.query(database =>
      database.selectFrom('sync_leases').selectAll().where('sync', '=', sync).execute(),
    )
    return rows[0]
  }

  /** Never rejects: what stays is let go when this process is gone. */
  #inTurn(work: () => Promise<unknown>): Promise<void> {
    const done = this.#last.then(work).then(
      () => {},
      () => {},
    )
    this.#last = done
    return done
  }
}

export function heldBy({ sync, run, process }: LeaseRow): HotwellError {
  const { pid, host } = JSON.parse(process) as ServerProcess
  return new HotwellError(
    'conflict',
    `The sync "${sync}" has the run ${run} in another server on this data folder: process ${pid} on ${host}. Ask that one, or end it; then this server goes on with it.`,
    { details: { pid, host } },
  )
}
