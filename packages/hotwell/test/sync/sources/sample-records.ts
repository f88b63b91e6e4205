import type { Element, Relation, SyncRecord } from '../../../src/sync/index.ts'

const at = (minutes: number) => Date.UTC(2026, 0, 1) + minutes * 60_000

/** Ids of several planes, whose order in UTF-8 is not JavaScript's; owners three levels deep, and two in a circle. */
export const sampleElements: readonly Element[] = [
  { id: 'plant', type: 'plant', name: 'Plant', attributes: { city: 'Köln', since: 1987 } },
  { id: '😀', type: 'unit', name: 'smile', ownerId: 'plant', attributes: { deep: { list: [1, 'two', null] } } },
  { id: 'ｱ', type: 'unit', name: 'half-width', ownerId: 'plant', attributes: { city: '中文' }, modifiedAt: at(1) },
  { id: '\u{ff5e}~', type: 'pump', name: '', ownerId: '😀', attributes: {}, modifiedAt: at(2) },
  { id: '10', type: 'pump', name: 'ten', ownerId: '😀', attributes: { flow: 1.5, on: true }, modifiedAt: at(3) },
  { id: '9', type: 'valve', name: 'nine', ownerId: '10', attributes: { city: 'Ulm' }, modifiedAt: at(4) },
  { id: "it's 100 % a/b", type: "it's", name: 'quoted "x"', attributes: { city: 'Bonn' } },
  { id: 'Zed', type: 'valve', name: 'upper case', ownerId: '9', attributes: { city: 'Ulm' }, modifiedAt: at(4) },
  { id: 'ring 1', type: 'ring', name: 'one', ownerId: 'ring 2', attributes: {}, modifiedAt: at(5) },
  { id: 'ring 2', type: 'ring', name: 'two', ownerId: 'ring 1', attributes: {}, modifiedAt: at(6) },
]

export const sampleRelations: readonly Relation[] = [
  { from: '10', type: 'feeds', to: '9' },
  { from: '10', type: 'drains', to: '9' },
  { from: '😀', type: 'feeds', to: 'ｱ' },
  { from: 'ｱ', type: 'feeds', to: 'nowhere' },
  { from: 'ring 1', type: 'feeds', to: 'ring 1' },
]

export const sampleRecords: readonly SyncRecord[] = [...sampleElements, ...sampleRelations]
