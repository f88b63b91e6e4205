import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { cacheFigures } from '../performance/cache-figures.ts'
import { gateReply, gateReplyOf } from './gate-reply.ts'
import { cacheExample, cacheReply } from './performance-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const usage = z
  .object({
    process: z.object({
      uptimeSeconds: z.number(),
      cpu: z.object({
        userSeconds: z.number(),
        systemSeconds: z.number(),
        share: z.number().describe('Of one core, within the last minute or so: 0 to 1, and more with several threads.'),
      }),
      memory: z.object({
        rssBytes: z.int(),
        heapUsedBytes: z.int(),
        heapTotalBytes: z.int(),
        externalBytes: z.int(),
        arrayBuffersBytes: z.int(),
      }),
      eventLoop: z
        .object({
          utilisation: z.number().describe('0 to 1.'),
          delayMeanMs: z.number(),
          delayP99Ms: z.number(),
          delayMaxMs: z.number(),
        })
        .describe('Within the last minute or so.'),
      windowSeconds: z.number().describe('How long that was.'),
    }),
    gate: gateReply,
    history: z
      .object({ buffered: z.int(), written: z.int(), dropped: z.int() })
      .nullable()
      .describe('Records that wait in memory, and those written and lost since the start; null without history.'),
    caches: cacheReply,
  })
  .meta({
    example: {
      process: {
        uptimeSeconds: 86400.2,
        cpu: { userSeconds: 201.4, systemSeconds: 40.9, share: 0.03 },
        memory: {
          rssBytes: 112197632,
          heapUsedBytes: 31195136,
          heapTotalBytes: 46137344,
          externalBytes: 3145728,
          arrayBuffersBytes: 65536,
        },
        eventLoop: { utilisation: 0.02, delayMeanMs: 0.11, delayP99Ms: 1.2, delayMaxMs: 8.4 },
        windowSeconds: 41.7,
      },
      gate: gateReply.meta()?.example,
      history: { buffered: 3, written: 41204, dropped: 0 },
      caches: cacheExample,
    },
  })

/** `GET …/resource-usage`: what the process, the gate, the history and the caches use now. */
export function performanceResourceUsage(app: FastifyInstance, context: ServerContext): void {
  const { tokens, accounts, history, resources, access } = context
  for (const { path, operationId } of performancePaths('resource-usage', 'getResourceUsage')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'What the process, the gate, the history and the caches use now',
          description: 'Needs the action `metrics`.',
          security: keySecurity,
          querystring: z.strictObject({}),
          response: { 200: usage.describe('As of now.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'metrics')
        const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
        const { user, system } = process.cpuUsage()
        const { windowSeconds, cpuShare, eventLoopUtilisation, eventLoopDelay } = resources.recent()
        return {
          process: {
            uptimeSeconds: process.uptime(),
            cpu: { userSeconds: user / 1e6, systemSeconds: system / 1e6, share: cpuShare },
            memory: {
              rssBytes: rss,
              heapUsedBytes: heapUsed,
              heapTotalBytes: heapTotal,
              externalBytes: external,
              arrayBuffersBytes: arrayBuffers,
            },
            eventLoop: {
              utilisation: eventLoopUtilisation,
              delayMeanMs: eventLoopDelay.meanMs,
              delayP99Ms: eventLoopDelay.p99Ms,
              delayMaxMs: eventLoopDelay.maxMs,
            },
            windowSeconds,
          },
          gate: gateReplyOf(tokens.gateUsage(), caller),
          history: history ? { buffered: history.buffered, written: history.written, dropped: history.dropped } : null,
          caches: cacheFigures(tokens, accounts),
        }
      },
    )
  }
}
