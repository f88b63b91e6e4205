import { compileFunction } from 'node:vm'

/** One way to get a token that is there. */
export interface Variant {
  readonly name: string
  /** One for each ref: a handle, a client, or a key into `shared`. */
  readonly targets: readonly unknown[]
  readonly shared?: unknown
  /** The call, as source text over `target` and `shared`. */
  readonly call: string
  /** What makes a number of the result, so that nothing is optimised away. @default '.length' */
  readonly consume?: string
  /** Whether the call returns a promise, which is then awaited. @default true */
  readonly awaited?: boolean
  /** Ends what the variant started. */
  close?(): unknown
}

/** Makes so many passes over all targets and returns the sum of the lengths of all tokens. */
export type Loop = (passes: number) => Promise<number>

/**
 * The measured loop: the same text for all variants but for the call, compiled apart for each, because the compiler
 * keeps what it learns about a call with the text it stands in. One loop shared by all would measure none of them.
 */
export function loopOf({ name, targets, shared, call, consume = '.length', awaited = true }: Variant): Loop {
  const token = awaited ? `(await ${call})` : `${call}`
  const source = `return ${awaited ? 'async ' : ''}function (passes) {
    let sum = 0
    for (let pass = 0; pass < passes; pass++) {
      for (let index = 0; index < targets.length; index++) {
        const target = targets[index]
        sum += ${token}${consume}
      }
    }
    return sum
  }`
  return compileFunction(source, ['targets', 'shared'], { filename: `loop-of-${name}` })(targets, shared)
}
