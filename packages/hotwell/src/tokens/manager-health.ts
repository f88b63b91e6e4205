import type { TokenStore } from './token-store.ts'

/** What is wrong with a manager, in words for people and facts for programs. */
export interface ManagerHealth {
  /** Empty when all is well. */
  readonly problems: readonly string[]
  readonly store: {
    readonly scope: TokenStore['scope']
    readonly failing: boolean
    readonly problems: readonly string[]
  }
  /** The open breakers, by provider. */
  readonly breakers: Readonly<Record<string, { open: true; retryInMs: number; code: string; message: string }>>
}

export function healthOf(store: TokenStore, failing: boolean, breakers: ManagerHealth['breakers']): ManagerHealth {
  const problems = [...store.problems()]
  if (failing) problems.push('The token store fails: tokens are served from memory and would not survive a restart.')
  for (const [provider, { message }] of Object.entries(breakers)) problems.push(`Provider ${provider}: ${message}`)
  return { problems, store: { scope: store.scope, failing, problems: store.problems() }, breakers }
}
