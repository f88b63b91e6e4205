import type { Variant } from '../../harness/variant.ts'

/** What anything awaited costs at least: a promise that is resolved already. */
export function awaitFloor(tokens: readonly string[]): Variant {
  return { name: 'await floor', targets: tokens.map(token => Promise.resolve(token)), call: 'target' }
}

/** A plain `Map` from ref to token, without expiry; the keys are the very strings that are in it. */
export function plainMap(refs: readonly string[], tokens: readonly string[]): Variant {
  const shared = new Map(refs.map((ref, index) => [ref, tokens[index]!]))
  return { name: 'Map.get', targets: refs, shared, call: 'shared.get(target)', awaited: false }
}
