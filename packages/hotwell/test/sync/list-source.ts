import { HotwellError } from '../../src/core/errors.ts'
import { compileFilter } from '../../src/sync/model/filter.ts'
import type { ReadRequest, Source, SourcePage } from '../../src/sync/source.ts'
import type { MemoryTarget } from '../../src/testing/memory-target.ts'

/** A source of records that a test changes between and during readings. */
export class ListSource implements Source {
  readonly name = 'list'
  identity = 'a list'
  consistency: Source['consistency'] = 'snapshot'
  readonly order = 'none'
  cursors: Source['cursors'] = 'durable'
  records: unknown[]
  unreadable: SourcePage['unreadable']
  /** Called before each page, with its number in this reading (from 1). */
  beforePage: (page: number) => Promise<void> | void = () => {}
  readonly requests: ReadRequest[] = []
  get?: Source['get']
  closed = 0

  constructor(records: unknown[] = []) {
    this.records = records
  }

  async *read(request: ReadRequest): AsyncGenerator<SourcePage> {
    this.requests.push(request)
    const filter = compileFilter(request.filter)
    let at = Number(request.after ?? 0)
    if (Number.isNaN(at)) throw new HotwellError('position_lost', 'This is no position.')
    let page = 0
    do {
      await this.beforePage(++page)
      request.signal.throwIfAborted()
      const next = Math.min(this.records.length, at + request.pageRecords)
      const records = this.records.slice(at, next)
      const taken = records.filter(
        record => typeof record !== 'object' || !record || !isKnown(record) || filter.takes(record),
      )
      const unreadable = page === 1 ? this.unreadable : undefined
      yield {
        records: taken,
        position: String(next),
        share: next / this.records.length,
        ...(unreadable && { unreadable }),
      }
      at = next
    } while (at < this.records.length)
  }

  async close(): Promise<void> {
    this.closed++
  }
}

function isKnown(record: object): record is { id: string; type: string } {
  return 'id' in record && 'type' in record
}

export const element = (id: string, value: unknown = 1, more: object = {}) => ({
  id,
  type: 'pump',
  name: id.toUpperCase(),
  attributes: { value },
  ...more,
})

export const relation = (from: string, to: string, type = 'feeds') => ({ from, type, to })

/** `id=value` of all elements, in order. */
export function elementsIn({ tables }: MemoryTarget): string[] {
  return [...tables.elements.values()].map(({ id, attributes }) => `${id}=${JSON.parse(attributes).value}`).sort()
}

export function relationsIn({ tables }: MemoryTarget, which: 'relations' | 'pending' = 'relations'): string[] {
  return [...tables[which].values()].map(({ from, to }) => `${from}→${to}`).sort()
}
