import { z } from 'zod'

const distribution = z.object({
  count: z.int(),
  mean: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
})

/** What a run, a sync or all of them did, and how long it took. */
export const workFigures = z.object({
  read: z.int().describe('Records that came from the source.'),
  processed: z.int().describe('Records whose transaction has committed, whatever became of them.'),
  inserted: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  deleted: z.int(),
  failed: z.int().describe('In the dead letters.'),
  bytes: z.number().describe('About, as they were written.'),
  transactions: z.int().describe('That have committed.'),
  attempts: z.int().describe('How often one was begun.'),
  errorRate: z.number().describe('0 to 1.'),
  transactionSuccessRate: z.number().describe('0 to 1.'),
  batchRecords: distribution.describe('Records of one transaction.'),
  batchBytes: distribution.describe('Bytes of one transaction, about.'),
  stages: z
    .object({ readMs: distribution, prepareMs: distribution, delayMs: distribution, writeMs: distribution })
    .describe(
      'In ms: waiting for a page; preparing it; how long the first record of a batch waited; the transaction with its retries.',
    ),
})

const few = { count: 200, mean: 4.1, p50: 3.8, p95: 7.2, p99: 9.9, max: 12.4 }

export const workExample = {
  ...{ read: 200_000, processed: 200_000, inserted: 812, updated: 40, unchanged: 199_148, deleted: 3, failed: 0 },
  ...{ bytes: 78_000_000, transactions: 200, attempts: 200, errorRate: 0, transactionSuccessRate: 1 },
  batchRecords: { ...few, mean: 1000, p50: 1000, p95: 1000, p99: 1000, max: 1000 },
  batchBytes: { ...few, mean: 390_000, p50: 390_000, p95: 391_000, p99: 391_000, max: 391_000 },
  stages: { readMs: few, prepareMs: few, delayMs: few, writeMs: few },
}
