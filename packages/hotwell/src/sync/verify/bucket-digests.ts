import { hashOfKey } from '../engine/key-set.ts'

/** Enough that a few differences leave nearly all buckets alone; 64 kB for each side. */
export const bucketCount = 4096

/**
 * Sums of what a side holds, by the hash of its keys: ranges of the hash's values, so that the order in which a side is
 * read does not matter. Two sides with equal sums hold the same, but for a chance of one in 2⁶⁴ a bucket.
 */
export class BucketDigests {
  readonly #sums = new Uint32Array(bucketCount * 2)
  /** Buckets that have to be looked into whatever their sum: a key came twice, or in parts. */
  readonly #doubtful = new Set<number>()
  count = 0

  add(key: string, hash: string): void {
    const bucket = bucketOf(key)
    const text = `${key}\0${hash}`
    this.#sums[2 * bucket]! += hashOfKey(text, 0x2545f491)
    this.#sums[2 * bucket + 1]! += hashOfKey(text, 0x9e3779b9)
    this.count++
  }

  doubt(key: string): void {
    this.#doubtful.add(bucketOf(key))
  }

  isDoubtful(key: string): boolean {
    return this.#doubtful.has(bucketOf(key))
  }

  /** Where the two may differ. */
  differing(other: BucketDigests): Set<number> {
    const found = new Set([...this.#doubtful, ...other.#doubtful])
    for (let index = 0; index < bucketCount * 2; index++)
      if (this.#sums[index] !== other.#sums[index]) found.add(index >> 1)
    return found
  }
}

export function bucketOf(key: string): number {
  return hashOfKey(key, 0x85ebca6b) % bucketCount
}
