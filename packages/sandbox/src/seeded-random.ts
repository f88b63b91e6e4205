import { hash } from 'node:crypto'

/** Same seed, same sequence: numbers from 0 to below 1, the nth one from the digest of seed and n. */
export function seededRandom(seed: number | string): () => number {
  let drawn = 0
  return () => Number.parseInt(hash('sha256', `${seed}/${drawn++}`, 'hex').slice(0, 8), 16) / 2 ** 32
}
