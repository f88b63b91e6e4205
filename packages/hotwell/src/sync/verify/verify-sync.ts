import type { RunContext } from '../engine/run-context.ts'
import { collectSides } from './collect-sides.ts'
import { type Difference, differencesOf } from './differences.ts'
import { digestSource, digestTarget } from './digest-sides.ts'
import { repairDifferences } from './repair-differences.ts'

export interface Verification {
  readonly equal: boolean
  readonly elements: { readonly source: number; readonly target: number }
  readonly relations: { readonly source: number; readonly target: number }
  readonly missing: number
  readonly extra: number
  readonly different: number
  /** The first of them; see {@link VerifyOptions.listed}. */
  readonly differences: readonly Difference[]
  /** Records of the source that nobody can take; they are no differences. */
  readonly unusable: number
  /** How many were put right; only when asked for. */
  readonly repaired: number
}

export interface VerifyOptions {
  /** Writes what is missing or different, and deletes what is extra. @default false */
  repair?: boolean
  /** So many differences are listed. @default 100 */
  listed?: number
}

/**
 * Compares what the source has with what really lies at the target, whatever a run has written there: first by digests,
 * of constant size; then, where these differ, record by record. What changes meanwhile may show as a difference.
 */
export async function verifySync(context: RunContext, options: VerifyOptions = {}): Promise<Verification> {
  const { repair = false, listed = 100 } = options
  if (repair) await context.patience.with(() => context.connection.claim())
  const source = await digestSource(context)
  const target = await digestTarget(context)
  const sides = await collectSides(context, source, target)
  const differences = differencesOf(sides)
  const read = source.elements.count + source.relations.count
  const repaired = repair ? await repairDifferences(context, sides, differences, read) : 0
  const counted = (what: Difference['what']) => differences.filter(difference => difference.what === what).length
  return {
    equal: differences.length === 0,
    elements: { source: source.elements.count, target: target.elements.count },
    relations: { source: source.relations.count, target: target.relations.count },
    missing: counted('missing'),
    extra: counted('extra'),
    different: counted('different'),
    differences: differences.slice(0, listed),
    unusable: source.unusable,
    repaired,
  }
}
