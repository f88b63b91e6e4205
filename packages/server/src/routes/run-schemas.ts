import { z } from 'zod'
import { keySecurity } from './token-schemas.ts'

export const runsPath = '/api/v1/runs'

export const runStates = ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled', 'interrupted'] as const

/** What is copied on demand. */
export const part = z
  .union([
    z.strictObject({ elements: z.array(z.string().min(1)).min(1).max(10_000).describe('The ids of these elements.') }),
    z.strictObject({
      subtree: z.string().min(1).describe('The id of an element: it and what it owns.'),
      depth: z.int().min(1).optional().describe('So many levels down; all without it.'),
    }),
    z.strictObject({
      only: z.enum(['relations', 'attributes']).describe('All relations, or the attributes of what is there already.'),
    }),
  ])
  .describe('Only a part. Nothing is deleted for being absent, and the position of the sync stays.')

const counts = z.object({
  total: z.int().describe('Read from the source. An element, an attribute change and a relation each count as one.'),
  inserted: z.int(),
  updated: z.int(),
  unchanged: z.int().describe('At the target already as they are.'),
  skipped: z.int().describe('Unchanged, or not what the filter asks for.'),
  deleted: z.int(),
  failed: z.int().describe('In the dead letters.'),
  pending: z.int().describe('Relations one of whose ends was missing when they came.'),
  cycles: z.int().describe('Circles of owners, each with a dead letter; their elements are copied as they are.'),
})

const sides = z.object({ source: z.int(), target: z.int() })

const verification = z.object({
  equal: z.boolean(),
  elements: sides,
  relations: sides,
  missing: z.int().describe('Only the source has them.'),
  extra: z.int().describe('Only the target has them.'),
  different: z.int(),
  differences: z
    .array(
      z.object({
        kind: z.enum(['element', 'relation']),
        key: z.string().describe('The id, or `from type to`.'),
        what: z.enum(['missing', 'extra', 'different']),
      }),
    )
    .describe('The first of them.'),
  unusable: z.int().describe('Records of the source that nobody can take.'),
  repaired: z.int(),
})

/** A run, whatever its state. */
export const runFacts = z
  .object({
    id: z.string(),
    sync: z.string(),
    kind: z.enum(['run', 'verify']),
    mode: z.enum(['full', 'incremental', 'part']).nullable().describe('null: that of the strategy, until it has run.'),
    part: part.nullable(),
    allowDeletes: z.boolean(),
    repair: z.boolean().describe('Of a comparison: whether differences are put right.'),
    trigger: z.enum(['request', 'interval', 'retry']),
    retryOf: z.string().nullable(),
    state: z.enum(runStates),
    phase: z.enum(['claiming', 'reading', 'relations', 'deleting']).nullable(),
    counts,
    perSecond: z.number().describe('Records a second since it began, or went on.'),
    share: z.number().nullable().describe('0 to 1; null where the source cannot tell.'),
    secondsLeft: z.number().nullable(),
    waitingFor: z.string().nullable().describe('Why it does not go on at the moment.'),
    interruptions: z.int().describe('So often the server ended under it, and it went on.'),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
    verification: verification.nullable().describe('What a comparison has found.'),
  })
  .meta({
    example: {
      id: '0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b',
      sync: 'plant',
      kind: 'run',
      mode: 'full',
      part: null,
      allowDeletes: false,
      repair: false,
      trigger: 'request',
      retryOf: null,
      state: 'running',
      phase: 'reading',
      counts: {
        ...{ total: 120_000, inserted: 0, updated: 812, unchanged: 118_188 },
        ...{ skipped: 118_188, deleted: 0, failed: 2, pending: 14, cycles: 0 },
      },
      perSecond: 151_400.2,
      share: 0.6,
      secondsLeft: 0.5,
      waitingFor: null,
      interruptions: 0,
      createdAt: '2026-01-31T12:00:00.000Z',
      startedAt: '2026-01-31T12:00:00.012Z',
      finishedAt: null,
      error: null,
      verification: null,
    },
  })
export type RunReply = z.infer<typeof runFacts>

/** What all routes share that are about one run. */
export const oneRunSchema = {
  tags: ['syncs'],
  security: keySecurity,
  params: z.object({ id: z.string().meta({ example: '0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b' }) }),
  querystring: z.strictObject({}),
}
