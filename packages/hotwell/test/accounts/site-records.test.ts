import { expect, test } from 'vitest'
import type { AccountRecord } from '../../src/accounts/account-row.ts'
import { SiteRecords } from '../../src/accounts/site-records.ts'

function record(account: string, successes = 0): AccountRecord {
  const row = { site: 'court', account, username: account, credential_id: account, known_right: 0, doubts: 0 }
  const counts = { credential_errors: 0, successes, failures: 0, last_success_at: null, last_used_at: null }
  return { row: { ...row, ...counts, created_at: 0, updated_at: 0 }, reservedAts: [] }
}

const all = () => Promise.reject(new Error('The whole site was read again'))

test('what is stale is read again, what is gone goes, and the others are left alone', async () => {
  const kept = record('li')
  const records = new SiteRecords([record('zhang'), kept, record('wang')])
  const stale = new Set(['zhang', 'wang', 'zhao'])
  await records.refresh(stale, { all, some: async () => [record('zhang', 1), record('zhao')] })
  expect([...records.values()].map(({ row }) => `${row.account} ${row.successes}`).sort()).toEqual([
    'li 0',
    'zhang 1',
    'zhao 0',
  ])
  expect([...records.values()]).toContain(kept)
  expect(stale.size).toBe(0)
})

test('what could not be read stays stale, for whoever comes next', async () => {
  const records = new SiteRecords([record('zhang')])
  const stale = new Set(['zhang'])
  const failing = records.refresh(stale, { all, some: () => Promise.reject(new Error('locked')) })
  const waiting = records.refresh(stale, { all, some: async () => [record('zhang', 1)] })
  await expect(failing).rejects.toThrow('locked')
  await waiting
  expect([...records.values()].map(({ row }) => row.successes)).toEqual([1])
})
