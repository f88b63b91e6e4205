import { realpathSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import type { Batch, DeadLetter, DeadLetterKey } from '../model/rows.ts'
import type { Applied, Claim, Target, TargetConnection, TargetTransaction } from '../target.ts'
import { ExportFile } from './jsonl-export-file.ts'
import { readLetters } from './jsonl-letters.ts'
import { linesOf } from './jsonl-lines.ts'

export interface JsonlTargetOptions {
  /** Whether a file that holds something may be replaced by an empty one. @default false */
  allowEmpty?: boolean
  /** Where records that could not be taken are told, one a line. @default the path with `.dead-letters` behind it */
  deadLettersPath?: string
}

/**
 * Exports all that a source has into a file of one JSON object a line: elements, changes of attributes for elements of an
 * earlier transaction, relations. It is what the source `jsonl` reads, where a later line for the same id wins.
 *
 * A run always reads everything. It writes into a file beside it, which takes the place of the former one when all is
 * there: whoever reads the path sees a whole export, the former or the present one. An interrupted run begins anew.
 * Several runs at once do no harm: the one that ends last stays.
 * @throws HotwellError `invalid_configuration` for a path that is a folder or a device
 */
export function jsonl(path: string, options: JsonlTargetOptions = {}): Target {
  if (typeof path !== 'string' || path === '')
    throw new HotwellError('invalid_configuration', 'An export needs the path of its file.')
  checkKnown('The target jsonl', options, ['allowEmpty', 'deadLettersPath'])
  const { allowEmpty = false } = options
  return {
    name: 'jsonl',
    preferredBatch: 1000,
    preferredLanes: 1,
    async connect() {
      const place = realPath(path)
      const letters = realPath(options.deadLettersPath ?? `${place}.dead-letters`)
      if (letters === place)
        throw new HotwellError('invalid_configuration', `${place} has no room for the dead letters as well.`)
      for (const file of [place, letters]) refuseOther(file)
      return new JsonlConnection(place, letters, allowEmpty)
    },
  }
}

class JsonlConnection implements TargetConnection {
  readonly #path: string
  readonly #lettersPath: string
  readonly #allowEmpty: boolean
  readonly #records: ExportFile
  readonly #letters: ExportFile
  readonly #saved = new Map<number, string>()
  #isClaimed = false
  #isBegun = false
  #isClosed = false
  #count = 0
  /** Whoever comes next begins when this has settled. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string, lettersPath: string, allowEmpty: boolean) {
    this.#path = path
    this.#lettersPath = lettersPath
    this.#allowEmpty = allowEmpty
    this.#records = new ExportFile(path)
    this.#letters = new ExportFile(lettersPath)
  }

  /** Nothing is kept from run to run, so each reads everything. */
  async claim(): Promise<Claim> {
    this.#refuseClosed()
    this.#isClaimed = true
    return { epoch: 1, saved: new Map() }
  }

  transaction<T>(
    lane: number,
    work: (transaction: TargetTransaction, saved: string | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#inTurn(async () => {
      const transaction = new JsonlTransaction()
      const result = await work(transaction, this.#saved.get(lane))
      this.#refuseClosed()
      const { lines, letters, records, lanes, saved } = transaction
      if (lanes !== undefined) this.#begin()
      if (records > 0 && !this.#isBegun)
        throw new HotwellError('invalid_request', `${this.#path} is only written as a whole, by a run without a part.`)
      await this.#append(lines.join(''), letters.join(''))
      this.#count += records
      for (const [of, text] of saved) this.#saved.set(of, text)
      return result
    })
  }

  async ownElements() {
    return this.#nothing()
  }

  async ownContents() {
    return this.#nothing()
  }

  async ownRelations() {
    return this.#nothing()
  }

  async staged() {
    this.#refuseClosed()
    return []
  }

  async countOwn(): Promise<number> {
    this.#refuseClosed()
    return this.#count
  }

  async ownerLinks() {
    this.#refuseClosed()
    return []
  }

  async saved() {
    this.#refuseClosed()
    return this.#saved
  }

  /** In the order of the file, which is that of the last whole export. */
  async readDeadLetters(after: DeadLetterKey | undefined, limit: number): Promise<DeadLetter[]> {
    this.#refuseClosed()
    return readLetters(this.#lettersPath, after, limit)
  }

  settle(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isBegun) return
      if (this.#count === 0 && !this.#allowEmpty && (await this.#records.hasFormer()))
        throw new HotwellError(
          'deletes_refused',
          `The source returned nothing, but ${this.#path} holds something. It was left as it is; if it is true, say allowEmpty.`,
        )
      if (this.#letters.length > 0) await this.#letters.settle()
      else await this.#letters.remove()
      await this.#records.settle()
      this.#isBegun = false
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last
    await this.#records.drop()
    await this.#letters.drop()
  }

  /** A run, which claims, begins with nothing; whoever compares would take it for the truth. */
  #nothing(): never[] {
    this.#refuseClosed()
    if (this.#isClaimed) return []
    const what = 'An export cannot be compared with its source'
    throw new HotwellError('invalid_request', `${what}: run it again, which writes all of it, to ${this.#path}.`)
  }

  /** A reading begins at its start. */
  #begin(): void {
    this.#isBegun = true
    this.#count = 0
    this.#saved.clear()
    this.#records.rewind(0)
    this.#letters.rewind(0)
  }

  /** Both or none. */
  async #append(lines: string, letters: string): Promise<void> {
    const before = [this.#records.length, this.#letters.length] as const
    try {
      await this.#records.append(lines)
      await this.#letters.append(letters)
    } catch (error) {
      this.#records.rewind(before[0])
      this.#letters.rewind(before[1])
      throw error
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      this.#refuseClosed()
      return work()
    })
    this.#last = result.catch(() => {})
    return result
  }

  /** Whoever wrote on would leave a temporary file behind. */
  #refuseClosed(): void {
    if (this.#isClosed) throw new HotwellError('target_unavailable', `The export to ${this.#path} has been closed.`)
  }
}

/** Collects what is appended when it has come to its end. */
class JsonlTransaction implements TargetTransaction {
  readonly lines: string[] = []
  readonly letters: string[] = []
  readonly saved = new Map<number, string>()
  records = 0
  lanes: number | undefined

  async apply(batch: Batch): Promise<Applied> {
    this.lines.push(...linesOf(batch))
    const { elements, attributes, relations } = batch
    const inserted = elements.length + relations.length
    this.records += inserted + attributes.length
    return { inserted, updated: attributes.length, unchanged: 0, deleted: 0, pending: 0, refused: [] }
  }

  async save(lane: number, text: string): Promise<void> {
    this.saved.set(lane, text)
  }

  async makeLanes(count: number): Promise<void> {
    this.lanes = count
  }

  async deadLetters(run: string, letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) this.letters.push(`${JSON.stringify({ ...letter, run })}\n`)
  }

  async countElementsIn(): Promise<number> {
    return 0
  }

  async ownElementsIn() {
    return []
  }

  async readSeen() {
    return []
  }

  async deleteStaged() {
    return { elements: 0, relations: 0 }
  }

  async writeSplit() {
    return { updated: 0, refused: [], through: undefined }
  }

  async promotePending(): Promise<number> {
    return 0
  }

  async cycles(): Promise<void> {}
  async forgetHashes(): Promise<void> {}
  async saveSeen(): Promise<void> {}
  async stage(): Promise<void> {}
  async unstage(): Promise<void> {}
}

/** An hour of reading would be for nothing. */
function refuseOther(path: string): void {
  const found = statOf(path)
  if (!found || found.isFile()) return
  const what = found.isDirectory() ? 'a folder' : 'no ordinary file'
  throw new HotwellError('invalid_configuration', `${path} is ${what}: name a file to export into.`)
}

/** What is in the way of looking shows when it is written. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** What a link leads to is replaced, not the link. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}
