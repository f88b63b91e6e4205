import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished } from 'vitest'
import type { Accounts } from '../../src/accounts/accounts.ts'
import { type AccountsOptions, createAccounts } from '../../src/accounts/create-accounts.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import type { LoginOutcome, LoginReservation } from '../../src/tokens/account-source.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** An accounts file of its own, on a fake clock; all that is opened on it is closed at the test's end. */
export function scene(options: Partial<AccountsOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-accounts-'))
  const opened: Accounts[] = []
  onTestFinished(async () => {
    await Promise.all(opened.map(accounts => accounts.close()))
    rmSync(folder, { recursive: true, force: true })
  })
  const clock = new FakeClock()
  const path = join(folder, 'accounts.db')
  /** What another process, or this one after its death, opens. */
  const open = (more: Partial<AccountsOptions> = {}) => {
    const accounts = createAccounts({ path, clock, ...options, ...more })
    opened.push(accounts)
    return accounts
  }
  return { folder, path, clock, open, accounts: open() }
}

/** Reserves a try; fails the test when it is refused. */
export async function begin(accounts: Accounts, site: string, account: string): Promise<LoginReservation> {
  const reserved = await tryToBegin(accounts, site, account)
  if ('reason' in reserved) throw new Error(reserved.reason)
  return reserved
}

export async function tryToBegin(accounts: Accounts, site: string, account: string) {
  const credentials = await accounts.credentials(site, account)
  expect(credentials).toBeDefined()
  return accounts.reserve(site, credentials!)
}

/** A whole login; fails the test when it is refused. */
export async function login(accounts: Accounts, site: string, account: string, outcome: LoginOutcome): Promise<void> {
  await accounts.settle(site, account, await begin(accounts, site, account), outcome)
}

/** The bytes of every file in the folder: the database, its log and its key. */
export function bytesIn(folder: string): Buffer {
  return Buffer.concat(readdirSync(folder).map(file => readFileSync(join(folder, file))))
}

/** What a connection of its own does to the file. */
export function execute(path: string, sql: string): unknown[] {
  const database = new DatabaseSync(path, { timeout: 5000 })
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}
