import { hash } from 'node:crypto'
import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import { canonicalJson } from '../model/canonical-json.ts'
import type { SyncFilter } from '../model/filter.ts'
import type { ReadRequest, Source, SourcePage, UnreadableRecord } from '../source.ts'
import { ElementsByIds, type GetOptions } from './http-get.ts'
import {
  at,
  firstPage,
  fits,
  type HttpPaging,
  isRepeated,
  nextPage,
  type PageState,
  type Place,
  pagingPromises,
} from './http-paging.ts'
import { JsonClient, type JsonClientOptions, type JsonReply, shownUrl, sourceUrl } from './web/json-client.ts'

/** Makes records of what an API lists: one, several (an element with its relations, say), or none. Pure. */
export type ItemMapping = (item: unknown) => unknown

/** One list of an API. */
export interface HttpList {
  /** The first page's address; without host, the fetch completes it, as a token handle's does. */
  readonly url: string
  /** @default that of the source */
  readonly paging?: HttpPaging
  /** Where the list is in a reply. @default that of the source */
  readonly items?: Place<readonly unknown[]>
  /** @default the item as it is */
  readonly record?: ItemMapping
}

export interface HttpSourceOptions extends JsonClientOptions, Omit<HttpList, 'paging'> {
  readonly paging: HttpPaging
  /** Where the list is in a reply. @default '', the reply itself */
  readonly items?: Place<readonly unknown[]>
  /** A second list, read behind the first one. */
  readonly relations?: HttpList
  /** The parameter that says how much a page may hold, and the most that the API takes. */
  readonly pageSize?: { readonly parameter: string; readonly most: number }
  /**
   * Parameters by which the API applies a filter, as far as it can; it is applied again behind it. Incremental runs ask
   * for `modifiedFromAt`.
   */
  readonly filterParameters?: (filter: SyncFilter) => Readonly<Record<string, string | number | undefined>>
  /** How single elements are asked for. With it, what a reading missed is asked for before it is deleted. */
  readonly get?: GetOptions
  /** What a reading sees. @default by paging: `keyset` for a cursor, `snapshot` for a single reply, else `none` */
  readonly consistency?: Source['consistency']
  /** Whether positions hold after a restart. @default by paging: `session` for page tokens and links, else `durable` */
  readonly cursors?: Source['cursors']
  /** @default 'none' */
  readonly order?: Source['order']
  /** Tells whether a reply says that a cursor has expired. @default HTTP 400, 404, 410 or 422 to a page behind the first */
  readonly expired?: (reply: { status: number; body: unknown }) => boolean
  /** Names what is read, in positions; no secret. @default host and path, and a hash of the other options */
  readonly identity?: string
}

interface Position {
  /** 0: the source's own list, 1: relations. */
  readonly list: number
  /** Absent: it is at its end. */
  readonly page?: PageState
}

interface Page extends ReturnType<typeof recordsOf> {
  readonly next: Position
}

const expiredStatuses = new Set([400, 404, 410, 422])

/**
 * Reads an API that lists JSON in pages, through a `fetch` that may put a token in. One page is asked for ahead.
 *
 * By pages that are counted (`offset`, `page`) a record may be missed when others move while it is read: such a reading
 * deletes nothing that `get` does not confirm or that only one complete reading has missed; the next run brings what was
 * missed.
 * @throws HotwellError `invalid_configuration`; `source_failed`; `position_lost` for a cursor that has expired
 */
export function http(options: HttpSourceOptions): Source {
  checkKnown('The source http', options, [
    'url',
    'paging',
    'items',
    'record',
    'relations',
    'pageSize',
    'filterParameters',
    'get',
    'consistency',
    'cursors',
    'order',
    'expired',
    'identity',
    'fetch',
    'headers',
    'maxReplyMegabytes',
    'timeoutSeconds',
  ])
  const { paging, relations, get, pageSize, filterParameters, expired = isExpired } = options
  const lists = [options, ...(relations ? [relations] : [])].map(list => ({
    base: sourceUrl(list.url),
    paging: list.paging ?? paging,
    items: list.items ?? options.items ?? '',
    record: list.record ?? (item => item),
  }))
  const client = new JsonClient(options)
  const byIds = get && new ElementsByIds(client, get, lists[0]!)
  const weakest = lists.map(list => pagingPromises[list.paging.kind])
  const promised = (name: 'consistency' | 'cursors', ...order: string[]) =>
    order.find(one => weakest.some(promise => promise[name] === one)) as never

  function address(list: (typeof lists)[number], { parameters = {}, path }: PageState, request: ReadRequest): URL {
    const url = new URL(list.base)
    if (path !== undefined) url.pathname = path
    if (pageSize) url.searchParams.set(pageSize.parameter, String(Math.min(pageSize.most, sizeOf(list, request))))
    for (const [name, value] of Object.entries(filterParameters?.(request.filter) ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value))
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return url
  }

  /** A page's number means nothing with another size. */
  function sizeOf({ paging }: (typeof lists)[number], { pageRecords }: ReadRequest): number {
    return paging.kind === 'page' ? Number.POSITIVE_INFINITY : pageRecords
  }

  async function page(position: Position, request: ReadRequest, signal: AbortSignal, isSecond = false): Promise<Page> {
    const { list: number, page: state = {} } = position
    const list = lists[number]!
    const reply = await client.get(address(list, state, request), signal)
    const isFirst = JSON.stringify(state) === JSON.stringify(firstPage(list.paging))
    if (!isFirst && expired(reply))
      throw new HotwellError('position_lost', `${shownUrl(reply.url)} does not know this cursor any more.`)
    if (reply.status >= 300) throw client.refusal(reply)
    const items = listIn(reply, list.items)
    // Either a slip, which a second answer puts right, or as much was put in before it as a page holds.
    if (!isSecond && isRepeated(state, items)) return page(position, request, signal, true)
    const next = nextPage(list.paging, state, reply, items, list.base)
    return { next: following(number, next), ...recordsOf(items, list.record) }
  }

  function following(list: number, page: PageState | undefined): Position {
    if (page) return { list, page }
    const after = lists[list + 1]
    return after ? { list: list + 1, page: firstPage(after.paging) } : { list }
  }

  return {
    name: 'http',
    identity: options.identity ?? identityOf(options, lists),
    consistency: options.consistency ?? promised('consistency', 'none', 'keyset', 'snapshot'),
    order: options.order ?? 'none',
    cursors: options.cursors ?? promised('cursors', 'session', 'durable'),
    async *read(request) {
      request.signal.throwIfAborted()
      const leaving = new AbortController()
      const signal = AbortSignal.any([request.signal, leaving.signal])
      const begin = request.after === undefined ? following(-1, undefined) : parsePosition(request.after, lists)
      if (!begin.page) return
      try {
        const circle = new CircleWatch(JSON.stringify(begin))
        let coming = page(begin, request, signal)
        for (;;) {
          const { next, records, unreadable } = await coming
          circle.meet(JSON.stringify(next))
          if (next.page) {
            coming = page(next, request, signal)
            // Whoever asks for the next page hears of it.
            coming.catch(() => {})
          }
          const told = unreadable.length > 0 ? { unreadable } : {}
          yield { records, position: JSON.stringify(next), ...told }
          if (!next.page) return
          request.signal.throwIfAborted()
        }
      } finally {
        leaving.abort()
      }
    },
    ...(byIds && { get: (ids: readonly string[], { signal }: { signal: AbortSignal }) => byIds.get(ids, signal) }),
  }
}

/** Notices, with one position kept at a time, when an API leads back to where it has been (Brent's rule). */
class CircleWatch {
  #kept: string
  #steps = 0
  #limit = 1

  constructor(begin: string) {
    this.#kept = begin
  }

  /** @throws HotwellError `source_failed` */
  meet(position: string): void {
    if (position === this.#kept)
      throw new HotwellError('source_failed', 'The API leads back to a page that it had given before.')
    if (++this.#steps < this.#limit) return
    this.#kept = position
    this.#steps = 0
    this.#limit *= 2
  }
}

/** @throws HotwellError `source_failed` where there is no list: nothing is taken for empty that only went wrong */
export function listIn(reply: JsonReply, place: Place<readonly unknown[]>): readonly unknown[] {
  const { url, body } = reply
  const items = at(place, body)
  if (Array.isArray(items)) return items
  const where = typeof place === 'function' ? 'where items() looks' : place === '' ? 'in its reply' : `at ${place}`
  throw new HotwellError('source_failed', `${shownUrl(url)} gives no list ${where}.`)
}

/** An item that its mapping throws at costs that item alone. */
export function recordsOf(
  items: readonly unknown[],
  record: ItemMapping,
): Pick<SourcePage, 'records'> & {
  unreadable: UnreadableRecord[]
} {
  const records: unknown[] = []
  const unreadable: UnreadableRecord[] = []
  for (const [index, item] of items.entries()) {
    try {
      const made = record(item)
      if (Array.isArray(made)) records.push(...made)
      else if (made !== undefined && made !== null) records.push(made)
    } catch (error) {
      const text = JSON.stringify(item)?.slice(0, 1000)
      const { id } = (typeof item === 'object' && item !== null ? item : {}) as { id?: unknown }
      const place = id === undefined ? `item ${index + 1} of a page` : `item ${String(id).slice(0, 200)}`
      unreadable.push({ place, reason: `record() failed: ${(error as Error).message}`, text })
    }
  }
  return { records, unreadable }
}

function isExpired({ status }: { status: number }): boolean {
  return expiredStatuses.has(status)
}

function identityOf(options: HttpSourceOptions, lists: readonly { base: URL }[]): string {
  const { paging, items, record, relations, filterParameters } = options
  const told = [paging, items, record, relations, filterParameters, lists.map(({ base }) => base.search)]
  const parts = JSON.stringify(told, (_, value) => (typeof value === 'function' ? value.toString() : value))
  const places = lists.map(({ base }) => shownUrl(base)).join(' ')
  return `${places} ${hash('sha256', canonicalJson(JSON.parse(parts)), 'base64url').slice(0, 22)}`
}

function parsePosition(text: string, lists: readonly { readonly paging: HttpPaging }[]): Position {
  try {
    const { list, page } = JSON.parse(text) as Position
    const found = lists[list]
    if (found && (page ? fits(found.paging, page) : list === lists.length - 1)) return { list, page }
  } catch {
    // It is none.
  }
  throw new HotwellError('position_lost', 'The position is none of this API. It is read from the start.')
}
