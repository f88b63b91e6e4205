import type { Migration } from '../migration.ts'

/** The failures behind a failure. Rows from before have none. */
export const historyDetails: Migration = {
  name: '002-history-details',
  async up(database) {
    await database.schema.alterTable('acquisitions').addColumn('error_details', 'text').execute()
  },
}
