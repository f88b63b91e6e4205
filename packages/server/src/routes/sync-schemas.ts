import { z } from 'zod'
import { runFacts } from './run-schemas.ts'
import { keySecurity } from './token-schemas.ts'

export const syncsPath = '/api/v1/syncs'

/** A sync of the configuration. */
export const syncFacts = z
  .object({
    name: z.string(),
    intervalSeconds: z.number().nullable().describe('From the beginning of one run to that of the next.'),
    nextAt: z.string().nullable().describe('When it runs next by itself, at the earliest.'),
    running: runFacts.nullable().describe('The run that is not over.'),
    last: runFacts.nullable().describe('The latest run, over or not.'),
  })
  .meta({
    example: { name: 'plant', intervalSeconds: 3600, nextAt: '2026-01-31T13:00:00.000Z', running: null, last: null },
  })
export type SyncReply = z.infer<typeof syncFacts>

/** What all routes share that are about one sync. */
export const oneSyncSchema = {
  tags: ['syncs'],
  security: keySecurity,
  params: z.object({ name: z.string().meta({ description: 'As the configuration names it.', example: 'plant' }) }),
  querystring: z.strictObject({}),
}
