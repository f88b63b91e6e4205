import { hash } from 'node:crypto'
import type { RawReply } from '../raw-reply.ts'
import { larkCodes, larkError } from './codes.ts'

const DEFAULT_PAGE_SIZE = 10
const MAX_PAGE_SIZE = 50

/**
 * One page as Lark words it: `{ code: 0, msg: 'success', data: { has_more, page_token, items } }`.
 * A page token belongs to the query that it came from; with any other one it is refused.
 */
export function pageOf<T>(all: readonly T[], query: URLSearchParams, show: (item: T) => T): RawReply {
  const size = Number(query.get('page_size') || DEFAULT_PAGE_SIZE)
  if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE_SIZE) return fieldInvalid('page_size')
  const start = startOf(query)
  if (start === undefined || start > all.length) return fieldInvalid('page_token')
  const end = start + size
  const has_more = end < all.length
  const items = all.slice(start, end).map(show)
  const data = has_more ? { has_more, page_token: tokenFor(end, query), items } : { has_more, items }
  return { body: { code: 0, msg: 'success', data } }
}

export function fieldInvalid(field: string): RawReply {
  const error = { field_violations: [{ field, description: 'invalid or missing' }] }
  return larkError(400, larkCodes.fieldInvalid, 'field validation failed', { error })
}

function startOf(query: URLSearchParams): number | undefined {
  const token = query.get('page_token')
  if (!token) return 0
  const start = Number.parseInt(Buffer.from(token, 'base64url').toString(), 10)
  return start > 0 && token === tokenFor(start, query) ? start : undefined
}

function tokenFor(start: number, query: URLSearchParams): string {
  const asked = new URLSearchParams(query)
  asked.delete('page_token')
  asked.delete('page_size')
  asked.sort()
  return Buffer.from(`${start}.${hash('sha256', asked.toString(), 'hex').slice(0, 16)}`).toString('base64url')
}
