/** What an {@link IndexedHeap} holds: anything that lets the heap write down where it put it. */
export interface HeapNode {
  /** The heap's own; start with -1, which means "in no heap". A node is in one heap at a time. */
  heapIndex: number
}

/**
 * A binary heap whose members know their place, so that moving or removing any of them costs O(log n) and no look-up.
 * `before(a, b)` says whether `a` leaves first.
 */
export class IndexedHeap<Node extends HeapNode> {
  readonly #nodes: Node[] = []
  readonly #before: (a: Node, b: Node) => boolean

  constructor(before: (a: Node, b: Node) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#nodes.length
  }

  peek(): Node | undefined {
    return this.#nodes[0]
  }

  /** Puts a node in, or moves it to its place after what it is ordered by has changed. */
  place(node: Node): void {
    if (node.heapIndex < 0) {
      node.heapIndex = this.#nodes.length
      this.#nodes.push(node)
    }
    if (!this.#rise(node)) this.#sink(node)
  }

  /** False: the node was in no heap. */
  remove(node: Node): boolean {
    const index = node.heapIndex
    if (index < 0) return false
    node.heapIndex = -1
    const last = this.#nodes.pop()!
    if (last !== node) {
      this.#nodes[index] = last
      last.heapIndex = index
      if (!this.#rise(last)) this.#sink(last)
    }
    return true
  }

  pop(): Node | undefined {
    const first = this.#nodes[0]
    if (first) this.remove(first)
    return first
  }

  #rise(node: Node): boolean {
    const start = node.heapIndex
    let index = start
    while (index > 0) {
      const parent = this.#nodes[(index - 1) >> 1]!
      if (!this.#before(node, parent)) break
      const above = parent.heapIndex
      this.#put(parent, index)
      index = above
    }
    this.#put(node, index)
    return index !== start
  }

  #sink(node: Node): void {
    const nodes = this.#nodes
    let index = node.heapIndex
    for (let child = 2 * index + 1; child < nodes.length; child = 2 * index + 1) {
      if (child + 1 < nodes.length && this.#before(nodes[child + 1]!, nodes[child]!)) child++
      const below = nodes[child]!
      if (!this.#before(below, node)) break
      this.#put(below, index)
      index = child
    }
    this.#put(node, index)
  }

  #put(node: Node, index: number): void {
    this.#nodes[index] = node
    node.heapIndex = index
  }
}
