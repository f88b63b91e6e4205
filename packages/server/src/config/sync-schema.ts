import type {
  DeleteGuard,
  PatienceOptions,
  RecordMapping,
  Source,
  SyncFilter,
  SyncStrategy,
  Target,
} from 'hotwell/sync'
import { z } from 'zod'
import { type DriverConfig, isDriver } from './driver-config.ts'
import { isSource, isTarget, type SyncGiven } from './sync-parts.ts'

const count = z.int().positive()
const seconds = z.number().nonnegative()
const names = z.array(z.string().min(1)).min(1)

/** A source or target: named by `use`, a value, or a function that makes one and is given the `fetch` of tokens. */
type Part<T> = DriverConfig | T | ((given: SyncGiven) => T)

const source = z.custom<Part<Source>>(
  value => isSource(value) || typeof value === 'function' || isDriver(value),
  "has to be { use: 'hotwell/sources/…', … } or, in TypeScript, a source such as jsonl('plant.jsonl')",
)
const target = z.custom<Part<Target>>(
  value => isTarget(value) || typeof value === 'function' || isDriver(value),
  "has to be { use: 'hotwell/targets/…', … } or, in TypeScript, a target such as sqlite('plant.db')",
)

const deleteGuard = z.strictObject({
  fraction: z.number().min(0).max(1).optional(),
  minRecords: z.int().min(0).optional(),
} satisfies Record<keyof DeleteGuard, unknown>)

const patience = z.strictObject({
  retries: z.int().min(0).optional(),
  firstMs: z.number().nonnegative().optional(),
  pausedMs: z.number().nonnegative().optional(),
  giveUpMs: z.number().nonnegative().optional(),
} satisfies Record<keyof PatienceOptions, unknown>)

const strategy = z.strictObject({
  mode: z.enum(['full', 'incremental']).optional(),
  batchSize: count.optional(),
  lanes: count.max(64).optional(),
  deletes: z.boolean().optional(),
  deleteGuard: deleteGuard.optional(),
  overlapSeconds: seconds.optional(),
  fullEverySeconds: seconds.optional(),
  continueOnError: z.boolean().optional(),
  maxRecordMegabytes: z.number().positive().optional(),
  maxBufferedMegabytes: z.number().positive().optional(),
  flushSeconds: seconds.optional(),
  patience: patience.optional(),
} satisfies Record<keyof SyncStrategy, unknown>)

const written = z.union([z.number(), z.iso.datetime({ offset: true }), z.iso.date(), z.date()])

/** An instant as files write it: RFC 3339, or a day, or milliseconds since 1970. YAML knows instants by itself. */
const instant = z
  .custom<number | string | Date>(
    value => written.safeParse(value).success,
    'has to be an instant such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31',
  )
  .transform(at => +new Date(at))

const filter = z.strictObject({
  types: names.optional(),
  typesExcept: names.optional(),
  fromId: z.string().min(1).optional(),
  toId: z.string().min(1).optional(),
  attributes: names.optional(),
  attributesExcept: names.optional(),
  modifiedFromAt: instant.optional(),
  modifiedToAt: instant.optional(),
} satisfies Record<keyof SyncFilter, unknown>)

const map = z.custom<RecordMapping>(
  value => typeof value === 'function',
  'has to be a function, which takes a configuration in TypeScript',
)

/** One sync of a configuration. */
export const syncSchema = z.strictObject({
  source,
  target,
  strategy: strategy.optional(),
  filter: filter.optional(),
  map: map.optional(),
  mapVersion: z.string().min(1).optional(),
  /** From the beginning of one run to that of the next. Without it, it runs when asked to. */
  intervalSeconds: z.number().min(1).max(31_536_000).optional(),
  /** The tokens that it may ask for, beside those that its source and target name. */
  tokens: z.array(z.string()).optional(),
})
export type CheckedSync = z.output<typeof syncSchema>

export const syncsSchema = z.record(
  z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'a sync is named [a-z][a-z0-9_-]{0,63}'),
  syncSchema,
)

/** The fields known inside each field of a sync, for hints. */
export const syncFields: Readonly<Record<string, readonly string[]>> = {
  'syncs.*': Object.keys(syncSchema.shape),
  'syncs.*.strategy': Object.keys(strategy.shape),
  'syncs.*.strategy.deleteGuard': Object.keys(deleteGuard.shape),
  'syncs.*.strategy.patience': Object.keys(patience.shape),
  'syncs.*.filter': Object.keys(filter.shape),
}
