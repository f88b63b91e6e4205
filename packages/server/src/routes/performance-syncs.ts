import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { workExample, workFigures } from './sync-figures-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const moving = z.object({ recordsPerSecond: z.number(), errorRate: z.number() })

const figures = workFigures.extend({
  recordsPerSecond: z.number().describe('Over the last ten seconds.'),
  peakRecordsPerSecond: z.number(),
  bytesPerSecond: z.number(),
  movingAverages: z.object({ oneMinute: moving, fiveMinutes: moving, fifteenMinutes: moving }),
  runs: z.object({
    running: z.int(),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    waits: z.object({ retry: z.int(), paused: z.int() }).describe('For a source or target that was away.'),
  }),
})

const average = { recordsPerSecond: 149_200, errorRate: 0 }
const figuresExample = {
  ...workExample,
  ...{ recordsPerSecond: 151_000, peakRecordsPerSecond: 163_000, bytesPerSecond: 58_900_000 },
  movingAverages: { oneMinute: average, fiveMinutes: average, fifteenMinutes: average },
  runs: { running: 1, completed: 23, failed: 0, cancelled: 0, waits: { retry: 2, paused: 0 } },
}

const answer = z
  .object({
    text: z.string().describe('The same in tables, for people.'),
    sinceAt: z.string().describe('When the server began.'),
    takenAt: z.string(),
    all: figures,
    syncs: z.record(z.string(), figures).describe('By the name of the sync.'),
    anomalies: z
      .array(z.looseObject({ sync: z.string(), metric: z.string() }))
      .describe('Minutes that are far from those before.'),
  })
  .meta({
    example: {
      text: 'Syncs from 2026-01-31 12:00:00 UTC to …',
      sinceAt: '2026-01-31T12:00:00.000Z',
      takenAt: '2026-01-31T13:00:00.000Z',
      all: figuresExample,
      syncs: { plant: figuresExample },
      anomalies: [],
    },
  })
export type SyncPerformanceReply = z.infer<typeof answer>

/** `GET …/syncs`: what the runs of all syncs come to. */
export function performanceSyncs(app: FastifyInstance, { syncs, access }: ServerContext): void {
  for (const { path, operationId } of performancePaths('syncs', 'getSyncPerformance')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'How fast and how well syncs run',
          description: 'Needs the action `metrics`.',
          security: keySecurity,
          querystring: z.strictObject({}),
          response: { 200: answer.describe('Since the server began.') },
        },
      },
      async request => {
        access.allow(request.raw, 'metrics')
        const { text, snapshot, anomalies } = syncs.performance()
        const { sinceAt, takenAt, syncs: each, caches: _, resources: __, ...all } = snapshot
        return {
          text,
          sinceAt: new Date(sinceAt).toISOString(),
          takenAt: new Date(takenAt).toISOString(),
          all,
          syncs: { ...each },
          anomalies: anomalies.map(anomaly => ({ ...anomaly })),
        }
      },
    )
  }
}
