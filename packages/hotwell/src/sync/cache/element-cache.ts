import { Cache } from '../../core/cache.ts'
import { type Clock, createSystemClock } from '../../core/clock.ts'
import type { Element } from '../model/record.ts'
import { type CacheLoader, ReadThroughCache, type ReadThroughCacheStats } from './read-through-cache.ts'

export interface CacheLimits {
  maxEntries?: number
  ttlSeconds?: number
}

export interface ElementCacheOptions {
  clock?: Clock
  /** The elements with these ids that are there; in any order. For elements, attributes and parents. */
  get?: (ids: readonly string[]) => Promise<readonly Element[]>
  /** The ids of those that each of these owns. */
  getChildren?: CacheLoader<readonly string[]>
  /** @default 10,000 for 600 s */
  elements?: CacheLimits
  /** @default 10,000 for 300 s */
  attributes?: CacheLimits
  /** @default 10,000 for 600 s */
  children?: CacheLimits
  /** @default 10,000 for 600 s */
  parents?: CacheLimits
}

export interface ElementCacheStats {
  readonly elements: ReadThroughCacheStats
  readonly attributes: ReadThroughCacheStats
  readonly children: ReadThroughCacheStats
  readonly parents: ReadThroughCacheStats
}

/** The owner of those that have none: no id is empty. */
const nobody = ''

/**
 * Elements, attributes, and who owns whom, by id; each in a cache of its own with its own time to live: attributes change
 * more often than elements do. What changed is put or invalidated here, so that all four agree.
 */
export class ElementCache {
  readonly elements: ReadThroughCache<Element>
  /** Of elements; never older than their own time to live, however long an element is kept. */
  readonly attributes: ReadThroughCache<Element['attributes']>
  /** The ids of those that an element owns itself. */
  readonly children: ReadThroughCache<readonly string[]>
  /** The ids of those that own an element itself: one, or none. */
  readonly parents: ReadThroughCache<readonly string[]>
  /** Whose children elements were when last met; there are more than of the others, and they never get too old. */
  readonly #owners: Cache<string, string>

  constructor(options: ElementCacheOptions = {}) {
    const { clock = createSystemClock(), get, getChildren, elements, attributes, children, parents } = options
    const loading = <Value>(pick: (element: Element) => Value) =>
      get && { load: async (ids: readonly string[]) => new Map((await get(ids)).map(one => [one.id, pick(one)])) }
    this.#owners = new Cache({ clock, maxEntries: 4 * (elements?.maxEntries ?? 10_000) })
    this.elements = new ReadThroughCache({
      clock,
      ...elements,
      ...loading(element => element),
      stored: (id, { ownerId }) => this.#owned(id, ownerId),
    })
    this.attributes = new ReadThroughCache({ clock, ttlSeconds: 300, ...attributes, ...loading(one => one.attributes) })
    this.parents = new ReadThroughCache<readonly string[]>({
      clock,
      ...parents,
      ...loading(parentsOf),
      stored: (id, [ownerId]) => this.#owned(id, ownerId),
    })
    this.children = new ReadThroughCache<readonly string[]>({
      clock,
      ...children,
      ...(getChildren && { load: getChildren }),
      stored: (ownerId, ids) => {
        for (const id of ids) this.#listed(id, ownerId)
      },
    })
  }

  /** An element as it is now; one that is `deleted` goes. */
  put(element: Element): void {
    const { id, ownerId, attributes, deleted } = element
    if (deleted) {
      this.invalidate(id)
      return
    }
    // It may be new.
    if (ownerId !== undefined && this.#owners.get(id) === undefined) this.children.invalidate(ownerId)
    this.elements.put(id, element)
    this.attributes.put(id, attributes)
    this.parents.put(id, parentsOf(element))
  }

  putMany(elements: Iterable<Element>): void {
    for (const element of elements) this.put(element)
  }

  /** It has changed, or is gone: all that is here of it goes, and the children of its owner, where that is known. */
  invalidate(id: string): void {
    const ownerId = this.#owners.get(id)
    if (ownerId !== undefined) this.children.invalidate(ownerId)
    this.#owners.delete(id)
    this.elements.invalidate(id)
    this.attributes.invalidate(id)
    this.children.invalidate(id)
    this.parents.invalidate(id)
  }

  clear(): void {
    for (const cache of [this.elements, this.attributes, this.children, this.parents]) cache.clear()
    this.#owners.clear()
  }

  stats(): ElementCacheStats {
    return {
      elements: this.elements.stats(),
      attributes: this.attributes.stats(),
      children: this.children.stats(),
      parents: this.parents.stats(),
    }
  }

  /** It was met with that owner: where it was known to have another one, the children of both are not known any more. */
  #owned(id: string, ownerId = nobody): void {
    const former = this.#owners.get(id)
    this.#listed(id, ownerId)
    if (former !== undefined && former !== ownerId) this.children.invalidate(ownerId)
  }

  /** It was met among the children of that owner. */
  #listed(id: string, ownerId: string): void {
    const former = this.#owners.get(id)
    if (former === ownerId) return
    if (former !== undefined) this.children.invalidate(former)
    this.#owners.set(id, ownerId)
  }
}

function parentsOf({ ownerId }: Element): readonly string[] {
  return ownerId === undefined ? [] : [ownerId]
}
