import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished, vi } from 'vitest'
import { createHistory, type History, type HistoryOptions } from '../../src/history/create-history.ts'

/** The path of a database that is not there yet, in a folder that the test's end removes. */
export function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-history-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'hotwell.db')
}

/** A history that the test's end closes; patient, because tests run on busy machines. */
export function temporaryHistory(options: HistoryOptions): History {
  const history = createHistory({ flushTimeoutMs: 30_000, ...options })
  onTestFinished(() => history.close())
  return history
}

/** What a connection of its own finds in the file. */
export function read<Row>(path: string, sql: string, ...parameters: (string | number)[]): Row[] {
  const database = new DatabaseSync(path)
  try {
    return database.prepare(sql).all(...parameters) as Row[]
  } finally {
    database.close()
  }
}

export function countOf(path: string): number {
  return read<{ count: number }>(path, 'SELECT count(*) AS count FROM acquisitions')[0]!.count
}

/** Another process's write lock. */
export function lock(path: string): { release(): void } {
  const database = new DatabaseSync(path, { timeout: 5000 })
  database.exec('BEGIN EXCLUSIVE')
  let held = true
  const release = () => {
    if (!held) return
    held = false
    database.exec('ROLLBACK')
    database.close()
  }
  onTestFinished(release)
  return { release }
}

/** Waits until the assertion holds. */
export function eventually(assertion: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(assertion, { timeout: 30_000, interval: 5 })
}
