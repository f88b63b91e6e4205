import { createTokenManager, type TokenHandle } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import type { Variant } from '../harness/variant.ts'

/** A token manager as it comes: metrics on, preheating on, memory store; every token warm. */
export async function warmManager(tokens: readonly string[]) {
  const manager = createTokenManager({
    providers: {
      bench: custom({
        kinds: ['tenant'],
        acquire: ({ ref }) => ({ value: tokens[Number(ref.subject)]!, expiresInSeconds: 7200 }),
      }),
    },
  })
  const handles = tokens.map((_, index) => manager.token(`bench/tenant/${index}`))
  await Promise.all(handles.map(handle => handle.get()))
  return { manager, handles }
}

export function hotwellGet(handles: readonly TokenHandle[]): Variant {
  return { name: 'get()', targets: handles, call: 'target.get()' }
}

export function hotwellPeek(handles: readonly TokenHandle[]): Variant {
  return { name: 'peek()', targets: handles, call: 'target.peek()', awaited: false }
}
