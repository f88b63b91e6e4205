import type { HotwellError } from '../../src/core/errors.ts'
import { createSync, type SyncOptions } from '../../src/sync/create-sync.ts'
import type { RunStats } from '../../src/sync/sync-stats.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, ListSource } from './list-source.ts'

export const many = (count: number, value = 1) =>
  Array.from({ length: count }, (_, n) => element(`e${1000 + n}`, value))

/** A sync from a list into memory; `open` makes another one on the same two, as another process would. */
export function scene(records: unknown[], options: Partial<SyncOptions> = {}) {
  const source = new ListSource(records)
  const target = new MemoryTarget()
  const open = (more: Partial<SyncOptions> = {}) =>
    createSync({ name: 'plant', source, target, clock: new InstantClock(), ...options, ...more })
  return { source, target, open, sync: open() }
}

export const statsOf = (error: unknown) => (error as HotwellError).details.stats as RunStats
