import type { Source, Target } from 'hotwell/sync'

/** What a function that makes a source or a target is given, in the thread that it will run in. */
export interface SyncGiven {
  /** The `fetch` of a token: one of those in `tokens`. */
  fetch(ref: string): typeof globalThis.fetch
}

export function isSource(value: unknown): value is Source {
  return typeof (value as Source | undefined)?.read === 'function'
}

export function isTarget(value: unknown): value is Target {
  return typeof (value as Target | undefined)?.connect === 'function'
}
