import { HotwellError } from '../../core/errors.ts'
import { at, type Place } from './http-paging.ts'
import { type JsonClient, shownUrl, sourceUrl } from './web/json-client.ts'

/** How an API is asked for single elements. */
export interface GetOptions {
  /**
   * With `{id}` in it: one element a request, and HTTP 404 or 410 where there is none. With `{ids}`: several, with commas
   * between them; those that the reply's list lacks are not there.
   */
  readonly url: string
  /** Where the element is in the reply to `{id}`. @default '', the reply itself */
  readonly item?: Place<unknown>
  /** So many ids a request, with `{ids}`. @default 50 */
  readonly most?: number
  /** So many requests at once. @default 4 */
  readonly atOnce?: number
}

interface Mapping {
  readonly items: Place<readonly unknown[]>
  readonly record: (item: unknown) => unknown
}

interface Answer {
  /** Empty: there is no such element. */
  readonly records: readonly unknown[]
  readonly atMs: number
}

/** An answer from before a failure is good for so long: enough to get on when some requests always fail. */
const answerMs = 60_000

/** Asks for the elements with some ids that are there; nothing is taken for absent that the API does not say is. */
export class ElementsByIds {
  readonly #client: JsonClient
  readonly #options: GetOptions
  readonly #mapping: Mapping
  readonly #isMany: boolean
  /** Of calls that failed; whoever asks again need not ask for all again. */
  readonly #answers = new Map<string, Answer>()

  constructor(client: JsonClient, options: GetOptions, mapping: Mapping) {
    this.#client = client
    this.#options = options
    this.#mapping = mapping
    this.#isMany = options.url.includes('{ids}')
    if (!this.#isMany && !options.url.includes('{id}'))
      throw new HotwellError('invalid_configuration', 'The address of get has {id} or {ids} where ids are to be.')
  }

  async get(ids: readonly string[], signal: AbortSignal): Promise<unknown[]> {
    signal.throwIfAborted()
    const { atOnce = 4, most = 50 } = this.#options
    const asked = new Set(ids)
    const goodFrom = performance.now() - answerMs
    for (const [id, { atMs }] of this.#answers) if (atMs < goodFrom) this.#answers.delete(id)
    const open = [...asked].filter(id => !this.#answers.has(id))
    const parts = inParts(open, this.#isMany ? most : 1)
    const worked = await Promise.allSettled(Array.from({ length: atOnce }, () => this.#work(parts, signal)))
    for (const work of worked) if (work.status === 'rejected') throw work.reason
    const found = [...asked].flatMap(id => this.#answers.get(id)!.records)
    this.#answers.clear()
    return found
  }

  async #work(parts: string[][], signal: AbortSignal): Promise<void> {
    for (let part = parts.pop(); part; part = parts.pop()) {
      try {
        await this.#ask(part, signal)
      } catch (error) {
        // The others stop as well.
        parts.length = 0
        throw error
      }
    }
  }

  async #ask(ids: readonly string[], signal: AbortSignal): Promise<void> {
    for (const id of ids) if (this.#isMany ? id.includes(',') : /^\.\.?$/.test(id)) throw unaskable(id)
    const text = ids.map(encodeURIComponent).join(',')
    const { url, item = '' } = this.#options
    const reply = await this.#client.get(sourceUrl(url.replace(/\{ids?\}/, () => text)), signal)
    const isAbsent = !this.#isMany && (reply.status === 404 || reply.status === 410)
    if (!isAbsent && reply.status >= 300) throw this.#client.refusal(reply)
    const given = isAbsent ? [] : this.#isMany ? at(this.#mapping.items, reply.body) : [at(item, reply.body)]
    if (!Array.isArray(given) || given.some(one => one === undefined || one === null))
      throw new HotwellError('source_failed', `${shownUrl(reply.url)} gives nothing where the element should be.`)
    const records = given.flatMap(one => this.#mapping.record(one) ?? []) as { id?: unknown; deleted?: unknown }[]
    const atMs = performance.now()
    for (const id of ids)
      this.#answers.set(id, { records: records.filter(record => String(record.id) === id && !record.deleted), atMs })
  }
}

function inParts(ids: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, part) => ids.slice(part * size, (part + 1) * size))
}

/** It would be read as something else, and then be taken for absent. */
function unaskable(id: string): HotwellError {
  return new HotwellError('source_failed', `An address cannot name the id "${id}"; read it without get.`, {
    retryable: false,
  })
}
