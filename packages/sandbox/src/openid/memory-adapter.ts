import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { ExpiringMap } from '../expiring-map.ts'

/**
 * Where the provider keeps its opaque tokens: in memory, ending on the sandbox's clock.
 * Client credentials need no sessions, grants or user codes, so look-ups by those find nothing.
 */
export function memoryAdapter(now: () => number): AdapterFactory {
  return () => {
    const records = new ExpiringMap<AdapterPayload>(now)
    const adapter: Adapter = {
      async upsert(id, payload, expiresInSeconds = Number.POSITIVE_INFINITY) {
        records.set(id, payload, now() + expiresInSeconds * 1000)
      },
      async find(id) {
        return records.get(id)
      },
      async destroy(id) {
        records.delete(id)
      },
      async consume() {},
      async findByUserCode() {},
      async findByUid() {},
      async revokeByGrantId() {},
    }
    return adapter
  }
}
