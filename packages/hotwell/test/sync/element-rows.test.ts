import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rowOf } from '../../src/sync/engine/batch-builder.ts'
import { ElementRows } from '../../src/sync/engine/element-rows.ts'
import type { Element } from '../../src/sync/model/record.ts'
import type { ElementRow } from '../../src/sync/model/rows.ts'
import { element } from './list-source.ts'

const id = fc.integer({ min: 0, max: 12 }).map(number => `e${String(number).padStart(2, '0')}`)
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ put: id }) },
  { weight: 1, arbitrary: fc.record({ delete: id }) },
  { weight: 1, arbitrary: fc.constant('take' as const) },
)

test('of rows in any order the last one of each id is there, and none that was deleted', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, ascend) => {
      const rows = new ElementRows()
      const expected = new Map<string, ElementRow>()
      const given = ascend ? steps.toSorted((one, other) => (idIn(one) < idIn(other) ? -1 : 1)) : steps
      const taken = () => expect(rows.take().toSorted(byId)).toEqual([...expected.values()].sort(byId))
      for (const [value, one] of given.entries()) {
        if (one === 'take') {
          taken()
          expected.clear()
        } else if ('put' in one) {
          const row = rowOf(element(one.put, value) as Element)
          rows.put(row)
          expected.set(one.put, row)
          // Looking makes an index: both ways are to be gone.
          if (value % 3 === 0) expect(rows.get(one.put)).toBe(row)
        } else {
          rows.delete(one.delete)
          expected.delete(one.delete)
          expect(rows.get(one.delete)).toBeUndefined()
        }
      }
      taken()
    }),
  )
})

const idIn = (one: 'take' | { put: string } | { delete: string }) =>
  one === 'take' ? '' : 'put' in one ? one.put : one.delete
const byId = (one: ElementRow, other: ElementRow) => (one.id < other.id ? -1 : 1)
