import { compileFunction } from 'node:vm'
import type { TokenHandle } from 'hotwell'
import { createSystemClock, neverTick } from 'hotwell/core'
import type { Variant } from '../harness/variant.ts'

const counting = /this\.#counters\.hits\+\+/g

interface HandleClass {
  Handle: new (ref: unknown, source: unknown, clock: unknown, counters: unknown) => TokenHandle
  arm(handle: TokenHandle, served: unknown): void
}

/**
 * What counting costs a hit: the handle's own class, and the same text without the counters. Both are compiled here in
 * the same way, so that nothing but the counters differs; switching monitoring off would only count elsewhere.
 */
export function handleTwins(handle: TokenHandle, tokens: readonly string[]): Variant[] {
  const source = handle.constructor.toString()
  const without = source.replace(counting, '')
  if (without === source) throw new Error('No counters are found in TokenHandle any more: the benchmark has to follow.')
  const clock = createSystemClock()
  const counters = { hits: 0, misses: 0 }
  return [
    ['with counters', source],
    ['without counters', without],
  ].flatMap(([name, text]) => {
    const { Handle, arm } = compiled(text!)
    const targets = tokens.map(value => {
      const twin = new Handle(undefined, undefined, clock, counters)
      const freshUntil = clock.tickOf(clock.monotonic() + 7_200_000)
      arm(twin, { value, promise: Promise.resolve(value), details: undefined, freshUntil })
      return twin
    })
    return [
      { name: `get() ${name}`, targets, call: 'target.get()' },
      { name: `peek() ${name}`, targets, call: 'target.peek()', awaited: false },
    ]
  })
}

/** The class sets `arm` and `lastUsedAt`, which stand beside it in its file. */
function compiled(source: string): HandleClass {
  return compileFunction(
    `let arm, lastUsedAt; const neverTick = ${neverTick}, Handle = ${source}; return { Handle, arm }`,
  )()
}
