import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import type { Variant } from '../../harness/variant.ts'

/** bentocache on its memory driver, with serialising switched off: its fastest set-up. */
export async function bentocachePeer(refs: readonly string[], tokens: readonly string[]): Promise<Variant> {
  const issued = new Map(refs.map((ref, index) => [ref, tokens[index]!]))
  const cache = new BentoCache({
    default: 'tokens',
    stores: {
      tokens: bentostore().useL1Layer(memoryDriver({ maxItems: 2 * refs.length, serialize: false })),
    },
  })
  const getOrSet = (key: string) => cache.getOrSet({ key, ttl: '2h', factory: async () => issued.get(key)! })
  for (const ref of refs) await getOrSet(ref)
  const targets = refs.map((key, index) => ({ key, ttl: '2h', factory: async () => tokens[index]! }))
  return {
    name: 'bentocache',
    targets,
    shared: cache,
    call: 'shared.getOrSet(target)',
    close: () => cache.disconnectAll(),
  }
}
