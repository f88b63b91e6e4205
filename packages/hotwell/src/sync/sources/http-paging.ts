import { hash } from 'node:crypto'
import { HotwellError } from '../../core/errors.ts'
import type { Source } from '../source.ts'
import { type JsonReply, sameOrigin, shownUrl } from './web/json-client.ts'

/** Where something is in a reply: names with dots between them, such as `data.items`, or a function. */
export type Place<T> = string | ((body: unknown) => T | null | undefined)

/** How an API cuts what it has into pages. */
export type HttpPaging =
  /**
   * The next page begins behind a place in an order that stays: the last id, say. Such a cursor is good for as long as
   * one likes, and whatever is there throughout is met.
   */
  | { readonly kind: 'cursor'; readonly parameter: string; readonly next: Place<string | number> }
  /**
   * The next page has a token, which the API made for this reading and forgets one day. `hasMore`: where the reply says
   * whether there is more; else a reply without a token is the last.
   */
  | {
      readonly kind: 'page-token'
      readonly parameter: string
      readonly next: Place<string | number>
      readonly hasMore?: Place<boolean>
    }
  /**
   * The next page begins at a number of records, or is a number itself. It is the last where `total` (of records) or
   * `hasMore` say so, else where it is empty.
   */
  | {
      readonly kind: 'offset' | 'page'
      readonly parameter: string
      /** Of the first page. @default 0 for an offset, 1 for a page */
      readonly first?: number
      readonly total?: Place<number>
      readonly hasMore?: Place<boolean>
    }
  /** The next page's address is in the header `Link` (RFC 8288), or where `next` says. */
  | { readonly kind: 'link'; readonly next?: Place<string> }
  /** All in one reply. */
  | { readonly kind: 'none' }

/** What leads to a page. A text of JSON: parameters of its query, and its path where that is another one. */
export interface PageState {
  readonly parameters?: Readonly<Record<string, string>>
  readonly path?: string
  /** So many records are before it. */
  readonly before?: number
  /** A hash of the page before it. */
  readonly former?: string
  /** So often that one was the same as the one before. */
  readonly repeated?: number
}

/** Rows that are put in before it make a small page come twice; hardly three times. */
const mostRepeated = 3

/** What each kind promises, unless told otherwise. */
export const pagingPromises: Record<HttpPaging['kind'], Pick<Source, 'consistency' | 'cursors'>> = {
  cursor: { consistency: 'keyset', cursors: 'durable' },
  'page-token': { consistency: 'none', cursors: 'session' },
  offset: { consistency: 'none', cursors: 'durable' },
  page: { consistency: 'none', cursors: 'durable' },
  link: { consistency: 'none', cursors: 'session' },
  none: { consistency: 'snapshot', cursors: 'durable' },
}

export function firstPage(paging: HttpPaging): PageState {
  if (paging.kind !== 'offset' && paging.kind !== 'page') return {}
  const { kind, parameter, first = kind === 'page' ? 1 : 0 } = paging
  return { parameters: { [parameter]: String(first) }, before: 0 }
}

/** Whether it can be of this paging: a source that is named by hand may be paged otherwise one day. */
export function fits(paging: HttpPaging, { parameters, before }: PageState): boolean {
  if (paging.kind === 'none' || paging.kind === 'link') return true
  const isCounted = paging.kind === 'offset' || paging.kind === 'page'
  const value = parameters?.[paging.parameter]
  return isCounted ? Number.isFinite(Number(value ?? Number.NaN)) && before !== undefined : before === undefined
}

/**
 * What leads to the page behind a reply; undefined behind the last.
 * @throws HotwellError `source_failed` when the API goes on for ever
 */
export function nextPage(
  paging: HttpPaging,
  state: PageState,
  reply: JsonReply,
  items: readonly unknown[],
  base: URL,
): PageState | undefined {
  switch (paging.kind) {
    case 'none':
      return undefined
    case 'cursor':
    case 'page-token': {
      if ('hasMore' in paging && paging.hasMore && !at(paging.hasMore, reply.body)) return undefined
      const next = at(paging.next, reply.body)
      if (next === undefined || next === null || next === '') return undefined
      return { parameters: { [paging.parameter]: String(next) } }
    }
    case 'offset':
    case 'page': {
      const { kind, parameter, hasMore, total } = paging
      if (hasMore ? !at(hasMore, reply.body) : items.length === 0) return undefined
      const before = state.before! + items.length
      if (total && before >= Number(at(total, reply.body))) return undefined
      const former = hashOf(items)
      const repeated = former === state.former ? (state.repeated ?? 0) + 1 : 0
      if (repeated === mostRepeated) throw endless(reply)
      const number = Number(state.parameters![parameter]) + (kind === 'page' ? 1 : items.length)
      return { parameters: { [parameter]: String(number) }, before, former, ...(repeated > 0 && { repeated }) }
    }
    case 'link': {
      const next = paging.next ? at(paging.next, reply.body) : linkOf(reply.headers)
      if (!next) return undefined
      return stateOf(sameOrigin(next, reply.url), base)
    }
  }
}

/** Whether a page that is counted is the same as the one before it. */
export function isRepeated({ former }: PageState, items: readonly unknown[]): boolean {
  return former !== undefined && items.length > 0 && former === hashOf(items)
}

function hashOf(items: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(items), 'base64url').slice(0, 16)
}

/** Only what differs from the first page's address: whatever secret is in that does not get into a position. */
function stateOf(url: URL, base: URL): PageState {
  const parameters: Record<string, string> = {}
  for (const [name, value] of url.searchParams) if (base.searchParams.get(name) !== value) parameters[name] = value
  return { parameters, ...(url.pathname !== base.pathname && { path: url.pathname }) }
}

/** Follows the names; undefined where there is nothing. */
export function at<T>(place: Place<T>, body: unknown): T | null | undefined {
  if (typeof place === 'function') return place(body)
  let found: unknown = body
  for (const name of place === '' ? [] : place.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found as T
}

function linkOf(headers: Headers): string | undefined {
  for (const [, target, parameters] of (headers.get('link') ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*("[^"]*\bnext\b[^"]*"|next\b)/i.test(parameters!)) return target
  return undefined
}

/** An API that gives its last page again for whatever is behind would be read for ever. */
function endless({ url }: JsonReply): HotwellError {
  const what = `${shownUrl(url)} gives the same page for ${mostRepeated + 1} numbers in a row.`
  return new HotwellError('source_failed', `${what} Say where its last page is told: \`total\` or \`hasMore\`.`, {
    retryable: false,
  })
}
