import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { oneRunSchema, runStates, runsPath } from './run-schemas.ts'
import { allowRun } from './sync-access.ts'
import { workExample, workFigures } from './sync-figures-schemas.ts'

const sample = z.object({
  elapsedMs: z.number().describe('Since the run began.'),
  processed: z.int(),
  failed: z.int(),
  writtenBytes: z.number(),
  cpuSeconds: z.number().describe('Of the whole process, since the run began.'),
  rssBytes: z.int(),
  heapBytes: z.int(),
})

const answer = workFigures
  .extend({
    run: z.string(),
    sync: z.string(),
    state: z.enum(runStates),
    mode: z.enum(['full', 'incremental', 'part']),
    code: z.string().nullable().describe('Why it did not complete.'),
    startedAt: z.string(),
    durationMs: z.number(),
    recordsPerSecond: z.number(),
    cpuSeconds: z.number().describe('Of the whole process meanwhile.'),
    peakRssBytes: z.int(),
    samples: z.array(sample).describe('From its beginning to its end, 240 at most.'),
  })
  .meta({
    example: {
      run: '0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b',
      sync: 'plant',
      ...{ state: 'completed', mode: 'full', code: null },
      startedAt: '2026-01-31T12:00:00.012Z',
      ...{ durationMs: 1310.4, recordsPerSecond: 152_625, cpuSeconds: 1.9, peakRssBytes: 214_000_000 },
      ...workExample,
      samples: [
        ...[{ elapsedMs: 100, processed: 12_000, failed: 0, writtenBytes: 4_680_000 }].map(progress => {
          return { ...progress, cpuSeconds: 0.15, rssBytes: 190_000_000, heapBytes: 60_000_000 }
        }),
      ],
    },
  })
export type RunReportReply = z.infer<typeof answer>

/** `GET /api/v1/runs/{id}/report` */
export function runReport(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${runsPath}/:id/report`,
    {
      schema: {
        ...oneRunSchema,
        operationId: 'getRunReport',
        summary: 'How a run went that has ended: rates, stages, samples',
        description:
          'Kept for 30 days. Of a run that a later server went on with, its last part. Needs the action `list`.',
        response: { 200: answer.describe('The report.') },
      },
    },
    async request => {
      const { id } = request.params
      await allowRun(access, request.raw, 'list', () => syncs.run(id))
      const { code = null, startedAt, samples, ...report } = await syncs.report(id)
      return { ...report, code, startedAt: new Date(startedAt).toISOString(), samples: [...samples] }
    },
  )
}
