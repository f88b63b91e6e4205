import type { Migration } from '../migration.ts'

/**
 * One row an acquisition. Only what orders the rows is demanded: no row may be refused, because those behind it wait.
 * The unique index orders searches, and makes a batch that is sent twice harmless; it grows at its end, where one over
 * random ids alone would be four times slower to write.
 */
export const historyAcquisitions: Migration = {
  name: '001-history-acquisitions',
  async up(database) {
    await database.schema
      .createTable('acquisitions')
      .addColumn('id', 'text', column => column.notNull())
      .addColumn('provider', 'text')
      .addColumn('kind', 'text')
      .addColumn('subject', 'text')
      .addColumn('ref', 'text')
      .addColumn('credential_id', 'text')
      .addColumn('status', 'text')
      .addColumn('trigger', 'text')
      .addColumn('unchanged', 'integer')
      .addColumn('refresh', 'integer')
      .addColumn('attempts', 'integer')
      .addColumn('total_ms', 'double precision')
      .addColumn('provider_ms', 'double precision')
      .addColumn('login_ms', 'double precision')
      .addColumn('captcha_attempts', 'integer')
      .addColumn('network_retries', 'integer')
      .addColumn('queue_wait_ms', 'double precision')
      .addColumn('fingerprint', 'text')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .addColumn('generation', 'bigint')
      .addColumn('node', 'text')
      .addColumn('created_at', 'bigint')
      .addColumn('started_at', 'bigint')
      .addColumn('finished_at', 'bigint', column => column.notNull())
      .execute()
    const index = (name: string, columns: string[]) =>
      database.schema.createIndex(`acquisitions_${name}`).on('acquisitions').columns(columns)
    await index('finished', ['finished_at', 'id']).unique().execute()
    await index('site', ['provider', 'finished_at']).execute()
    await index('account', ['provider', 'kind', 'subject', 'finished_at']).execute()
    await index('status', ['status', 'finished_at']).execute()
  },
}
