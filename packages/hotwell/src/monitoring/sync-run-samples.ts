/** How far a run was at one instant. All but the bytes grow from sample to sample. */
export interface RunSample {
  /** Since the run began. */
  readonly elapsedMs: number
  readonly processed: number
  readonly failed: number
  /** About, as they were written. */
  readonly writtenBytes: number
  /** Of the whole process, since the run began. */
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly heapBytes: number
}

const firstEveryMs = 100
const mostSamples = 240

/**
 * The samples of one run: 240 at most, however long it takes. When they are too many every second one goes, and they
 * come half as often.
 */
export class RunSamples {
  #samples: RunSample[] = []
  #everyMs = firstEveryMs
  #dueMs = 0

  isDue(elapsedMs: number): boolean {
    return elapsedMs >= this.#dueMs
  }

  add(sample: RunSample): void {
    this.#samples.push(sample)
    if (this.#samples.length > mostSamples) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
      this.#everyMs *= 2
    }
    this.#dueMs = sample.elapsedMs + this.#everyMs
  }

  all(): readonly RunSample[] {
    return [...this.#samples]
  }
}
