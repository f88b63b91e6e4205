import type { Clock, ScheduledCall } from '../../../core/clock.ts'
import type { StoreEvent, TokenStore } from '../../token-store.ts'

/** A change and its number in the order of all changes. */
export interface NumberedChange {
  readonly sequence: number
  readonly event: StoreEvent
}

interface ChangeSource {
  /** Whether others have written since the last call; true when in doubt. */
  changed(): Promise<boolean>
  /** Changes after this number, in order; at most some hundred. */
  after(sequence: number): Promise<readonly NumberedChange[]>
}

const urgentMs = 10
const calmMs = 250
/** Every so many looks the changes are read even if nothing seems to have changed: the connection may be a new one. */
const thoroughEvery = 20

/** Tells watchers what others write to a store that has no messages, by looking. No timer runs without a watcher. */
export class ChangeWatch {
  readonly #clock: Clock
  readonly #source: ChangeSource
  readonly #watchers = new Set<{ listener: (event: StoreEvent) => void; urgent: boolean }>()
  /** All changes up to here have been told, or came before anybody watched. */
  #sequence = 0
  /** Own changes beyond that, told when they were made. */
  readonly #own = new Set<number>()
  #behind = true
  #looks = 0
  #looking = false
  #next: { call: ScheduledCall; delayMs: number } | undefined

  constructor(clock: Clock, source: ChangeSource) {
    this.#clock = clock
    this.#source = source
  }

  get isIdle(): boolean {
    return this.#watchers.size === 0
  }

  watch: TokenStore['watch'] = (listener, { urgent = false } = {}) => {
    const watcher = { listener, urgent }
    this.#watchers.add(watcher)
    this.#schedule()
    return () => {
      this.#watchers.delete(watcher)
      this.#schedule()
    }
  }

  /** While nobody watches: what a look of the store's user at the store has shown is not news to later watchers. */
  startFrom(sequence: number): void {
    if (!this.isIdle) return
    this.#sequence = sequence
    this.#own.clear()
    this.#behind = true
  }

  /** A change by the store itself. */
  tell({ sequence, event }: NumberedChange): void {
    if (sequence === this.#sequence + 1) this.#sequence = sequence
    else if (!this.isIdle) this.#own.add(sequence)
    this.#emit(event)
  }

  close(): void {
    this.#watchers.clear()
    this.#schedule()
  }

  #schedule(): void {
    const delayMs = [...this.#watchers].some(watcher => watcher.urgent) ? urgentMs : calmMs
    if (this.#next?.delayMs === delayMs && !this.isIdle) return
    this.#next?.call.cancel()
    this.#next = undefined
    if (this.isIdle || this.#looking) return
    this.#next = { delayMs, call: this.#clock.schedule(() => void this.#look(), delayMs) }
  }

  async #look(): Promise<void> {
    this.#next = undefined
    this.#looking = true
    try {
      if ((await this.#source.changed()) || this.#behind || ++this.#looks % thoroughEvery === 0) {
        // Stays set if the following fails.
        this.#behind = true
        const changes = await this.#source.after(this.#sequence)
        this.#behind = changes.length > 0
        for (const { sequence, event } of changes) {
          this.#sequence = sequence
          if (!this.#own.delete(sequence)) this.#emit(event)
        }
      }
    } catch {
      // The store has noted what is wrong with it; the next look may succeed.
    } finally {
      this.#looking = false
      this.#schedule()
    }
  }

  #emit(event: StoreEvent): void {
    for (const { listener } of [...this.#watchers]) {
      try {
        listener(event)
      } catch {
        // A listener that throws hurts nobody: the others are told all the same.
      }
    }
  }
}
