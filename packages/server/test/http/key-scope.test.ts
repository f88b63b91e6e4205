import { expect, test } from 'vitest'
import { prefixPattern, refPattern } from '../../src/keys/key-scope.ts'

test.each<[patterns: string[], prefix: string, covered: boolean]>([
  [['*'], '', true],
  [['*'], 'court/', true],
  [['**'], '', true],
  [['court/*'], 'court/', true],
  [['court/*'], 'court/account/', true],
  [['court*'], 'court/', true],
  [['court/*'], '', false],
  [['court/*'], 'court', false],
  [['court/*'], 'courthouse/', false],
  [['court/account/*'], 'court/', false],
  [['*/account/*'], 'court/', false],
  [['court/*', 'crm/client'], 'crm/', false],
  [['court/account/zhang'], 'court/account/zhang', false],
])('%j covers all that begins with %j: %j', (patterns, prefix, covered) => {
  expect(prefixPattern(patterns)(prefix)).toBe(covered)
  // What is said to be covered whole is so in each case.
  const covers = refPattern(patterns)
  if (covered) for (const rest of ['client', 'account/a', 'x/y/z?scope=a', '']) expect(covers(prefix + rest)).toBe(true)
})
