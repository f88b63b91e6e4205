import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * Where the provider keeps its opaque tokens: in memory, ending on the sandbox's clock.
 * Client credentials need no sessions and no grants, so look-ups by those find nothing.
 */
export function memoryAdapter(now: () => number): AdapterFactory {
  return () => {
    const records = new Map<string, { payload: AdapterPayload; endsAt: number }>()
    const adapter: Adapter = {
      async upsert(id, payload, expiresIn = Number.POSITIVE_INFINITY) {
        for (const [key, { endsAt }] of records) {
          if (endsAt > now()) break
          records.delete(key)
        }
        records.set(id, { payload, endsAt: now() + expiresIn * 1000 })
      },
      async find(id) {
        const record = records.get(id)
        return record && record.endsAt > now() ? record.payload : undefined
      },
      async consume(id) {
        const record = records.get(id)
        if (record) record.payload.consumed = Math.floor(now() / 1000)
      },
      async destroy(id) {
        records.delete(id)
      },
      async findByUserCode() {},
      async findByUid() {},
      async revokeByGrantId() {},
    }
    return adapter
  }
}
