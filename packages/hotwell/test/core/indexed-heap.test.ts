import fc from 'fast-check'
import { type HeapNode, IndexedHeap } from 'hotwell/core'
import { expect, test } from 'vitest'

interface Entry extends HeapNode {
  key: number
}

test('whatever is put in, moved and removed, the rest leaves in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.integer(), act: fc.constantFrom('put', 'move', 'remove'), at: fc.nat() }), {
        maxLength: 200,
      }),
      steps => {
        const heap = new IndexedHeap<Entry>((a, b) => a.key < b.key)
        const inside: Entry[] = []
        for (const { key, act, at } of steps) {
          const entry = inside[at % inside.length]
          if (act === 'put' || !entry) {
            const added = { key, heapIndex: -1 }
            heap.place(added)
            inside.push(added)
          } else if (act === 'move') {
            entry.key = key
            heap.place(entry)
          } else {
            expect(heap.remove(entry)).toBe(true)
            expect(heap.remove(entry)).toBe(false)
            inside.splice(inside.indexOf(entry), 1)
          }
          expect(heap.size).toBe(inside.length)
        }
        const left: number[] = []
        for (let entry = heap.pop(); entry; entry = heap.pop()) left.push(entry.key)
        expect(left).toEqual(inside.map(entry => entry.key).sort((a, b) => a - b))
      },
    ),
  )
})
