import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Item {
  readonly id: string
  readonly [field: string]: unknown
}

export interface ApiReply {
  status?: number
  headers?: Record<string, string>
  /** An object is sent as JSON, a text as it is. */
  body?: unknown
  /** The connection is cut instead. */
  cut?: boolean
}

/** A real HTTP server that lists items in every kind of pages. */
export class PagedApi {
  items: Item[]
  relations: Item[] = []
  /** Called for each request; what it returns is the answer. */
  answer: (path: string, query: URLSearchParams, request: IncomingMessage) => ApiReply | undefined = () => undefined
  /** Paths and queries, in order. */
  readonly requests: string[] = []
  url = ''
  readonly #server: Server
  /** Of page tokens: those before were made by an earlier one. */
  generation = 1

  private constructor(items: readonly Item[]) {
    this.items = [...items]
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://api')
      this.requests.push(request.url!)
      const reply = this.answer(pathname, searchParams, request) ?? this.#page(pathname, searchParams)
      if (reply.cut) {
        response.destroy()
        return
      }
      const { status = 200, headers = {}, body = {} } = reply
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }

  static async start(items: readonly Item[] = []): Promise<PagedApi> {
    const api = new PagedApi(items)
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    api.url = `http://127.0.0.1:${(api.#server.address() as AddressInfo).port}`
    return api
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #page(path: string, query: URLSearchParams): ApiReply {
    const limit = Number(query.get('limit') ?? 4)
    const list = path.startsWith('/relations') ? this.relations : this.items
    switch (path.replace('/relations', '')) {
      case '/all':
        return { body: { data: { items: list } } }
      case '/cursor': {
        const after = query.get('after')
        const sorted = list.toSorted((one, other) => Buffer.compare(Buffer.from(one.id), Buffer.from(other.id)))
        const behind = sorted.filter(({ id }) => after === null || Buffer.from(id).compare(Buffer.from(after)) > 0)
        const items = behind.slice(0, limit)
        return { body: { data: { items, next: behind.length > limit ? items.at(-1)!.id : null } } }
      }
      case '/tokens': {
        const [generation, text = '0'] = (query.get('page_token') ?? `${this.generation}.0`).split('.')
        if (Number(generation) !== this.generation) return { status: 400, body: { error: 'page_token' } }
        const at = Number(text) + limit
        const hasMore = at < list.length
        const token = hasMore ? `${this.generation}.${at}` : ''
        return { body: { data: { items: list.slice(Number(text), at), hasMore, token } } }
      }
      case '/offset': {
        const offset = Number(query.get('offset') ?? 0)
        return { body: { data: { items: list.slice(offset, offset + limit) }, total: list.length } }
      }
      case '/pages': {
        const page = Number(query.get('page') ?? 1)
        return { body: { data: { items: list.slice((page - 1) * limit, page * limit) } } }
      }
      case '/links': {
        const from = Number(query.get('from') ?? 0)
        const items = list.slice(from, from + limit)
        const next = new URL(`${this.url}${path}?${query}`)
        next.searchParams.set('from', String(from + limit))
        const link = `<${this.url}/first>; rel="first", <${next.href}>; rel="next"`
        return { body: { data: { items } }, headers: from + limit < list.length ? { link } : {} }
      }
      case '/items': {
        const asked = new Set(query.get('ids')?.split(',') ?? [])
        return { body: { data: { items: list.filter(({ id }) => asked.has(id)) } } }
      }
      default: {
        const id = decodeURIComponent(path.replace('/items/', ''))
        const item = list.find(one => one.id === id)
        return item ? { body: { item } } : { status: 404, body: { error: 'none' } }
      }
    }
  }
}
