import type { Migration } from '../migration.ts'

/**
 * Accounts, their bars, and the tries of their lock-out budgets: one row for each password that was allowed to leave
 * and may have been counted by the site. All instants are wall clock, ms.
 */
export const accountsPool: Migration = {
  name: '001-accounts-pool',
  async up(database) {
    await database.schema
      .createTable('accounts')
      .addColumn('site', 'text', column => column.notNull())
      .addColumn('account', 'text', column => column.notNull())
      .addColumn('username', 'text', column => column.notNull())
      .addColumn('credential_id', 'text', column => column.notNull().unique())
      .addColumn('key_id', 'text', column => column.notNull())
      .addColumn('sealed_password', 'text', column => column.notNull())
      .addColumn('known_right', 'integer', column => column.notNull().defaultTo(0))
      .addColumn('doubts', 'integer', column => column.notNull().defaultTo(0))
      .addColumn('credential_errors', 'integer', column => column.notNull().defaultTo(0))
      .addColumn('successes', 'integer', column => column.notNull().defaultTo(0))
      .addColumn('failures', 'integer', column => column.notNull().defaultTo(0))
      .addColumn('last_success_at', 'double precision')
      .addColumn('last_used_at', 'double precision')
      .addColumn('created_at', 'double precision', column => column.notNull())
      .addColumn('updated_at', 'double precision', column => column.notNull())
      .addPrimaryKeyConstraint('accounts_key', ['site', 'account'])
      .addUniqueConstraint('accounts_username', ['site', 'username'])
      .execute()
    await database.schema
      .createTable('account_bars')
      .addColumn('site', 'text', column => column.notNull())
      .addColumn('account', 'text', column => column.notNull())
      .addColumn('cause', 'text', column => column.notNull())
      .addColumn('reason', 'text', column => column.notNull())
      .addColumn('barred_at', 'double precision', column => column.notNull())
      .addColumn('until', 'double precision')
      .addPrimaryKeyConstraint('account_bars_key', ['site', 'account', 'cause'])
      .execute()
    await database.schema
      .createTable('account_reservations')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('credential_id', 'text', column => column.notNull())
      .addColumn('reserved_at', 'double precision', column => column.notNull())
      .addColumn('outcome', 'text')
      .execute()
    await database.schema
      .createIndex('account_reservations_credential')
      .on('account_reservations')
      .column('credential_id')
      .execute()
    await database.schema
      .createTable('account_seal_checks')
      .addColumn('key_id', 'text', column => column.primaryKey())
      .addColumn('sealed', 'text', column => column.notNull())
      .execute()
  },
}
