import { LRUCache } from 'lru-cache'
import type { Variant } from '../../harness/variant.ts'

/** lru-cache with `fetch` and a time to live, as one would keep tokens in it. */
export async function lruCachePeer(refs: readonly string[], tokens: readonly string[]): Promise<Variant> {
  const issued = new Map(refs.map((ref, index) => [ref, tokens[index]!]))
  const shared = new LRUCache<string, string>({
    max: 2 * refs.length,
    ttl: 7_200_000,
    fetchMethod: async ref => issued.get(ref),
  })
  for (const ref of refs) await shared.fetch(ref)
  return { name: 'lru-cache fetch', targets: refs, shared, call: 'shared.fetch(target)' }
}
