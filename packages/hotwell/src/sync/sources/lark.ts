import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import { compareIds } from '../model/compare-ids.ts'
import type { Source, SourcePage } from '../source.ts'
import { departmentRecords, type LarkItem, userRecords } from './lark-records.ts'
import { JsonClient, type JsonClientOptions, type JsonReply, sourceUrl, waitOf } from './web/json-client.ts'

export interface LarkSourceOptions extends JsonClientOptions {
  /** Names whose contacts they are, in positions; no secret. */
  tenant?: string
  /** Where the API is; absent: the fetch completes the address, as a token handle's does. */
  baseUrl?: string
}

/** A department's members begin at its page, or at the first one. */
interface Position {
  readonly of: 'departments' | 'users'
  /** Whose members. */
  readonly department?: string
  /** Of the page. */
  readonly token?: string
}

interface ListReply {
  readonly items: readonly LarkItem[]
  readonly next: string | undefined
}

const contacts = '/open-apis/contact/v3'
/** The root: every tenant has it, and it is no department of its own. */
const root = '0'
const pageSize = 50
/** https://open.feishu.cn/document/server-docs/getting-started/server-error-codes */
const codes = { tooMany: 99991400, fieldInvalid: 99992402, noDepartment: 40004, internal: 2200 }
/** A token that was good before may be so again. */
const tokenCodes = new Set([99991661, 99991663, 99991664, 99991668, 99991671, 99991677])

/**
 * Reads the contacts of a Feishu or Lark tenant: departments (type `department`, owned by the one above) and users (type
 * `user`, owned by their main department), and relations: `member` (user to department), `leads` (user to department),
 * `reports_to` (user to user). The fetch is that of a handle for `feishu/tenant/…`:
 * `lark({ fetch: tokens.token('feishu/tenant/acme').fetch, tenant: 'acme' })`. Ids are open ids, which differ from app to
 * app. The app sees only what its scope of contacts covers.
 * https://open.feishu.cn/document/server-docs/contact-v3/resources
 * @throws HotwellError `source_failed`, `position_lost` when a page token has expired
 */
export function lark(options: LarkSourceOptions): Source {
  checkKnown('The source lark', options, [
    'tenant',
    'baseUrl',
    'fetch',
    'headers',
    'maxReplyMegabytes',
    'timeoutSeconds',
  ])
  const { tenant = '', baseUrl = '' } = options
  const client = new JsonClient(options)
  sourceUrl(baseUrl || '/')

  async function list(path: string, parameters: Record<string, string>, signal: AbortSignal): Promise<ListReply> {
    const url = sourceUrl(`${baseUrl.replace(/\/$/, '')}${contacts}${path}`)
    const asked = { user_id_type: 'open_id', department_id_type: 'open_department_id', page_size: String(pageSize) }
    for (const [name, value] of Object.entries({ ...asked, ...parameters })) url.searchParams.set(name, value)
    const reply = await client.get(url, signal)
    const { code, data } = (reply.body ?? {}) as { code?: unknown; data?: Record<string, unknown> }
    if (code !== 0 || typeof data !== 'object') throw refused(reply, parameters)
    const { items = [], has_more: hasMore, page_token: token } = data ?? {}
    if (!Array.isArray(items) || typeof hasMore !== 'boolean')
      throw new HotwellError('source_failed', `Lark's reply at ${path} is no list.`)
    return { items, next: hasMore ? String(token) : undefined }
  }

  function departments(token: string | undefined, signal: AbortSignal): Promise<ListReply> {
    const page: Record<string, string> = token === undefined ? {} : { page_token: token }
    return list(`/departments/${root}/children`, { fetch_child: 'true', ...page }, signal)
  }

  function members(department: string, token: string | undefined, signal: AbortSignal): Promise<ListReply> {
    const page: Record<string, string> = token === undefined ? {} : { page_token: token }
    return list('/users/find_by_department', { department_id: department, ...page }, signal)
  }

  /** In an order of their own, so that a position tells which have been. */
  async function departmentIds(signal: AbortSignal): Promise<string[]> {
    const ids = [root]
    let token: string | undefined
    do {
      const { items, next } = await departments(token, signal)
      ids.push(...items.map(({ open_department_id: id }) => String(id)))
      token = next
    } while (token !== undefined)
    return ids.sort(compareIds)
  }

  async function* departmentPages(from: string | undefined, signal: AbortSignal): AsyncGenerator<SourcePage> {
    let token = from
    do {
      const { items, next } = await departments(token, signal)
      const position: Position = next === undefined ? { of: 'users' } : { of: 'departments', token: next }
      yield { records: items.flatMap(departmentRecords), position: JSON.stringify(position) }
      token = next
    } while (token !== undefined)
  }

  async function* userPages(from: Position, signal: AbortSignal): AsyncGenerator<SourcePage> {
    const ids = await departmentIds(signal)
    const known = new Set(ids)
    for (const [index, department] of ids.entries()) {
      if (from.department !== undefined && compareIds(department, from.department) < 0) continue
      let token = department === from.department ? from.token : undefined
      do {
        signal.throwIfAborted()
        const { items, next } = await members(department, token, signal)
        const following: Position = {
          of: 'users',
          department: next === undefined ? ids[index + 1] : department,
          token: next,
        }
        const isLast = following.department === undefined
        const position: Position = isLast ? { of: 'users', department: behindAll } : following
        // Whoever is in several departments comes with the first of them.
        const own = items.filter(user => firstOf(user, known) === department)
        const share = (index + (next === undefined ? 1 : 0.5)) / ids.length
        yield { records: own.flatMap(userRecords), position: JSON.stringify(position), share }
        token = next
      } while (token !== undefined)
    }
  }

  return {
    name: 'lark',
    identity: ['contacts', tenant, baseUrl].filter(Boolean).join(' '),
    consistency: 'none',
    order: 'none',
    cursors: 'durable',
    async *read({ after, signal }) {
      signal.throwIfAborted()
      const position = parsePosition(after)
      if (position.department === behindAll) return
      if (position.of === 'departments') {
        for await (const page of departmentPages(position.token, signal)) {
          yield page
          signal.throwIfAborted()
        }
        yield* userPages({ of: 'users' }, signal)
      } else yield* userPages(position, signal)
    },
  }
}

/** No id has this character. */
const behindAll = '\u{10ffff}'

function firstOf({ department_ids: ids }: LarkItem, known: ReadonlySet<string>): string | undefined {
  if (!Array.isArray(ids)) return undefined
  return ids
    .map(String)
    .filter(id => known.has(id))
    .sort(compareIds)[0]
}

function refused({ status, headers, body }: JsonReply, parameters: Readonly<Record<string, string>>): HotwellError {
  const { code, msg } = (body ?? {}) as { code?: unknown; msg?: unknown }
  const what = `Lark refuses to list contacts: ${String(msg ?? `HTTP ${status}`).slice(0, 200)} (code ${String(code)}).`
  if (code === codes.fieldInvalid && parameters.page_token !== undefined)
    return new HotwellError('position_lost', `${what} The page token has expired.`)
  const isInside = parameters.department_id !== undefined && parameters.department_id !== root
  if (code === codes.noDepartment && isInside)
    return new HotwellError('position_lost', `${what} The department was there when departments were listed.`)
  const isPassing = code === codes.tooMany || code === codes.internal || tokenCodes.has(Number(code))
  return new HotwellError('source_failed', what, { retryable: isPassing, retryAfterMs: waitOf(headers) })
}

function parsePosition(text: string | undefined): Position {
  if (text === undefined) return { of: 'departments' }
  try {
    const { of, department, token } = JSON.parse(text)
    const isText = [department, token].every(part => part === undefined || typeof part === 'string')
    if ((of === 'departments' || of === 'users') && isText) return { of, department, token }
  } catch {
    // It is none.
  }
  throw new HotwellError('position_lost', 'The position is none of contacts. They are read from the start.')
}
