import type { RegisterTest } from './provider-contract.ts'
import { commitClauses } from './sync-target-commit-clauses.ts'
import { elementClauses, refusalClause } from './sync-target-element-clauses.ts'
import { ledgerClauses } from './sync-target-ledger-clauses.ts'
import { orderClauses } from './sync-target-order-clauses.ts'
import { relationClauses } from './sync-target-relation-clauses.ts'
import { type PromiseTest, TargetScene } from './sync-target-scene.ts'
import { sharingClauses } from './sync-target-sharing-clauses.ts'
import type { TargetAbilities, TargetSubject } from './sync-target-subject.ts'

/**
 * What a sync relies on in every target, as tests. Register it for a target of one's own:
 * `targetContract(test, 'warehouse', { make: async () => ({ target, read }) })`.
 */
export function targetContract(
  test: RegisterTest,
  name: string,
  { make, ...given }: TargetAbilities & { make: () => Promise<TargetSubject> },
): void {
  const { compares = true, remembers = true, shares = true, showsAtOnce = true, spoil } = given
  const abilities = { compares, remembers, shares, showsAtOnce }
  const promise: PromiseTest = (promised, body) =>
    test(`${name}: ${promised}`, async () => {
      const scene = new TargetScene(await make(), showsAtOnce)
      try {
        await body(scene)
      } finally {
        await scene.close()
      }
    })
  commitClauses(promise, abilities)
  ledgerClauses(promise, abilities)
  elementClauses(promise, abilities)
  if (compares && spoil) refusalClause(promise, spoil)
  if (compares) orderClauses(promise)
  if (compares) relationClauses(promise)
  if (compares && remembers && shares) sharingClauses(promise)
}
