/** Where the demo writes: a terminal, or a pipe. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/**
 * Lines that scroll, with a summary below them that is redrawn in place. Where the output is no terminal, or one that is
 * too narrow for that, the lines are all there is, and the summary a block of lines now and then.
 */
export class LiveLines {
  readonly #output: Output
  #summary: string[] = []

  constructor(output: Output) {
    this.#output = output
  }

  get live(): boolean {
    return this.#output.isTTY === true && (this.#output.columns ?? 0) >= 72
  }

  line(text: string): void {
    const summary = this.#summary
    this.#output.write(`${this.#erase()}${text}\n`)
    if (this.live) this.summary(summary)
  }

  /** Puts these lines where the summary was. On a pipe they are simply written. */
  summary(lines: string[]): void {
    if (lines.length === 0) return
    const width = this.#output.columns ?? Number.POSITIVE_INFINITY
    const fitting = this.live ? lines.map(line => line.slice(0, width - 1)) : lines
    this.#output.write(`${this.#erase()}${fitting.join('\n')}\n`)
    this.#summary = this.live ? lines : []
  }

  /** Leaves the last summary where it is; the next line comes below. */
  keep(): void {
    this.#summary = []
  }

  #erase(): string {
    const height = this.#summary.length
    this.#summary = []
    return height === 0 ? '' : `\u001b[${height}A\u001b[0J`
  }
}
