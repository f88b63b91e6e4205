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

/** The elements with these ids that are there; nothing is taken for absent that the API does not say is. */
export async function elementsByIds(
  client: JsonClient,
  { url, item = '', most = 50, atOnce = 4 }: GetOptions,
  { items, record }: Mapping,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<unknown[]> {
  signal.throwIfAborted()
  const asked = new Set(ids)
  const isMany = url.includes('{ids}')
  const parts = inParts([...asked], isMany ? most : 1)
  const found: unknown[] = []

  async function ask(part: readonly string[]): Promise<void> {
    for (const id of part) if (isMany ? id.includes(',') : /^\.\.?$/.test(id)) throw unaskable(id)
    const text = part.map(encodeURIComponent).join(',')
    const reply = await client.get(sourceUrl(url.replace(isMany ? '{ids}' : '{id}', () => text)), signal)
    if (!isMany && (reply.status === 404 || reply.status === 410)) return
    if (reply.status >= 300) throw client.refusal(reply)
    const given = isMany ? at(items, reply.body) : [at(item, reply.body)]
    if (!Array.isArray(given) || given.some(one => one === undefined || one === null))
      throw new HotwellError('source_failed', `${shownUrl(reply.url)} gives nothing where the element should be.`)
    found.push(...given.flatMap(one => record(one) ?? []))
  }

  async function work(): Promise<void> {
    for (let part = parts.pop(); part; part = parts.pop()) await ask(part)
  }

  await Promise.all(Array.from({ length: atOnce }, work))
  return found.filter(record => {
    const { id, deleted } = record as { id?: unknown; deleted?: unknown }
    return asked.has(String(id)) && !deleted
  })
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
