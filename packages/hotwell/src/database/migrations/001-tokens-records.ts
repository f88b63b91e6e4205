import type { Migration } from '../migration.ts'

/**
 * One row a key; see `TokenState` for what its parts mean. Instants named `…_ms` are monotonic and belong to the boot
 * beside them. `change_sequence` numbers what watchers are told.
 */
export const tokensRecords: Migration = {
  name: '001-tokens-records',
  async up(database) {
    await database.schema
      .createTable('token_records')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('ref', 'text', column => column.notNull())
      .addColumn('fence', 'bigint', column => column.notNull())
      .addColumn('holder', 'text')
      .addColumn('claim_boot', 'text')
      .addColumn('claim_until_ms', 'double precision')
      .addColumn('generation', 'bigint', column => column.notNull())
      .addColumn('expires_at', 'double precision')
      .addColumn('key_id', 'text')
      .addColumn('sealed_token', 'text')
      .addColumn('sealed_grant', 'text')
      .addColumn('failure', 'text')
      .addColumn('failure_boot', 'text')
      .addColumn('failure_until_ms', 'double precision')
      .addColumn('intent_spent', 'text')
      .addColumn('intent_boot', 'text')
      .addColumn('intent_since_ms', 'double precision')
      .addColumn('intent_fence', 'bigint')
      .addColumn('change_sequence', 'bigint', column => column.notNull())
      .addColumn('change_type', 'text')
      .addColumn('changed_at', 'double precision', column => column.notNull())
      .execute()
    await database.schema
      .createIndex('token_records_change_sequence')
      .on('token_records')
      .column('change_sequence')
      .execute()
    await database.schema
      .createTable('token_seal_checks')
      .addColumn('key_id', 'text', column => column.primaryKey())
      .addColumn('sealed', 'text', column => column.notNull())
      .execute()
  },
}
