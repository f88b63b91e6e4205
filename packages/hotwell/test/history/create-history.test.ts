import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHistory } from '../../src/history/create-history.ts'
import { FakeClock, settled } from '../../src/testing/fake-clock.ts'
import { record } from './records.ts'
import { countOf, eventually, lock, read, temporaryHistory, temporaryPath } from './temporary.ts'

describe.each([{ worker: true }, { worker: false }])('with a thread of its own: $worker', ({ worker }) => {
  test('what was recorded before closing is in the file, every field of it', async () => {
    const path = temporaryPath()
    const history = temporaryHistory({ path, worker })
    for (let i = 0; i < 2345; i++) history.record(record())
    const last = record({
      subject: 'globex',
      credentialId: 'credential-1',
      status: 'captcha_error',
      trigger: 'rejected',
      unchanged: true,
      refresh: false,
      attempts: 3,
      totalMs: 1234.5,
      providerMs: 1000.25,
      loginMs: 900,
      captchaAttempts: 2,
      networkRetries: 1,
      queueWaitMs: 12,
      errorCode: 'provider_error',
      errorMessage: 'The captcha was wrong.',
      errorDetails: 'HTTP 403',
    })
    history.record(last)
    await history.close()
    expect(history).toMatchObject({ written: 2346, dropped: 0, buffered: 0 })
    expect(countOf(path)).toBe(2346)
    expect({ ...read(path, 'SELECT * FROM acquisitions WHERE id = ?', last.id)[0]! }).toEqual({
      id: last.id,
      provider: 'feishu',
      kind: 'tenant',
      subject: 'globex',
      ref: last.ref,
      credential_id: 'credential-1',
      status: 'captcha_error',
      trigger: 'rejected',
      unchanged: 1,
      refresh: 0,
      attempts: 3,
      total_ms: 1234.5,
      provider_ms: 1000.25,
      login_ms: 900,
      captcha_attempts: 2,
      network_retries: 1,
      queue_wait_ms: 12,
      fingerprint: last.fingerprint,
      error_code: 'provider_error',
      error_message: 'The captcha was wrong.',
      error_details: 'HTTP 403',
      generation: last.generation,
      node: 'test',
      created_at: last.createdAt,
      started_at: last.startedAt,
      finished_at: last.finishedAt,
    })
  })

  test('while another process holds the database, records wait, and none is lost', async () => {
    const path = temporaryPath()
    const history = temporaryHistory({ path, worker, flushRecords: 10 })
    history.record(record())
    await history.flush()
    const { release } = lock(path)
    for (let i = 0; i < 500; i++) history.record(record())
    await eventually(() => expect(history.problems()).toHaveLength(1))
    expect(history).toMatchObject({ written: 1, buffered: 500, dropped: 0 })
    release()
    await eventually(() => expect(history.written).toBe(501))
    expect(history.problems()).toEqual([])
    expect(countOf(path)).toBe(501)
  })

  test('when memory is full the oldest give way, and a counter says how many', async () => {
    const path = temporaryPath()
    const history = temporaryHistory({ path, worker, flushRecords: 10, maxBuffered: 50 })
    history.record(record())
    await history.flush()
    const { release } = lock(path)
    const recorded = Array.from({ length: 80 }, (_, i) => record({ generation: i }))
    for (const one of recorded) history.record(one)
    await eventually(() => expect(history.problems()).toHaveLength(1))
    expect(history).toMatchObject({ buffered: 50, dropped: 30 })
    release()
    await history.flush()
    expect(history).toMatchObject({ written: 51, buffered: 0, dropped: 30 })
    const generations = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY generation')
    expect(generations.map(row => row.generation).slice(0, 50)).toEqual(recorded.slice(30).map(one => one.generation))
  })

  test('a damaged file is named, left as it is, and written no more', async () => {
    const path = temporaryPath()
    const garbage = 'this is no database, but somebody may want it back. '.repeat(100)
    writeFileSync(path, garbage)
    const history = temporaryHistory({ path, worker, flushRecords: 10, maxBuffered: 20, flushTimeoutMs: 50 })
    for (let i = 0; i < 30; i++) history.record(record())
    await eventually(() => expect(history.problems()).toHaveLength(1))
    expect(history.problems()[0]).toContain(path)
    expect(history.problems()[0]).toMatch(/is not an SQLite database/)
    expect(history).toMatchObject({ written: 0, buffered: 20, dropped: 10 })
    await history.close()
    expect(history).toMatchObject({ written: 0, buffered: 0, dropped: 30 })
    expect(readFileSync(path, 'utf8')).toBe(garbage)
  })

  test('a file that was taken away is made anew, and what waits goes there', async () => {
    const path = temporaryPath()
    const history = temporaryHistory({ path, worker })
    history.record(record())
    await history.flush()
    for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
    await eventually(async () => {
      history.record(record())
      await history.flush()
      expect(existsSync(path)).toBe(true)
    })
    expect(history.dropped).toBe(0)
    expect(countOf(path)).toBe(1)
  })

  test('nothing counts as written that went into a file that nobody can find any more', async () => {
    const path = temporaryPath()
    const history = temporaryHistory({ path, worker })
    for (let round = 0; round < 3; round++) {
      const before = history.written
      for (let i = 0; i < 150; i++) history.record(record())
      await history.flush()
      expect(countOf(path)).toBe(history.written - before)
      expect(history.written).toBe(before + 150)
      for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
    }
  })
})

test('a path that leads nowhere hurts no caller, and closing does not wait for ever', async () => {
  const path = join('/dev/null', 'hotwell.db')
  const history = temporaryHistory({ path, flushTimeoutMs: 100 })
  for (let i = 0; i < 200; i++) history.record(record())
  await history.flush()
  await eventually(() => expect(history.problems()[0]).toContain(path))
  await expect(history.statistics()).rejects.toMatchObject({ name: 'HotwellError', code: 'store_unavailable' })
  await history.close()
  expect(history).toMatchObject({ written: 0, buffered: 0, dropped: 200 })
})

test('a record waits a second at most, and a hundred do not wait', async () => {
  const clock = new FakeClock()
  const history = temporaryHistory({ path: temporaryPath(), clock })
  history.record(record())
  await clock.advance(999)
  expect(history).toMatchObject({ written: 0, buffered: 1 })
  await clock.advance(1)
  await eventually(() => expect(history.written).toBe(1))

  for (let i = 0; i < 99; i++) history.record(record())
  await clock.advance(1)
  await settled()
  expect(history.written).toBe(1)
  history.record(record())
  await clock.advance(0)
  await eventually(() => expect(history.written).toBe(101))
})

test('records that come after closing are counted as dropped', async () => {
  const history = temporaryHistory({ path: temporaryPath() })
  history.record(record())
  const closing = history.close()
  history.record(record())
  await Promise.all([closing, history.close()])
  expect(history).toMatchObject({ written: 1, dropped: 1 })
})

test('a thread that dies takes no record with it', async () => {
  const path = temporaryPath()
  const threads: Worker[] = []
  const seen = (thread: Worker) => void threads.push(thread)
  process.on('worker', seen)
  onTestFinished(() => void process.off('worker', seen))
  const history = temporaryHistory({ path, flushRecords: 10 })
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 1500; i++) history.record(record())
    await eventually(() => expect(threads).toHaveLength(round))
    await threads.at(-1)!.terminate()
  }
  history.record(record())
  await history.flush()
  await history.close()
  expect(history).toMatchObject({ written: 4501, dropped: 0 })
  expect(countOf(path)).toBe(4501)
})

test('two histories share a file', async () => {
  const path = temporaryPath()
  const both = [temporaryHistory({ path, flushRecords: 5 }), temporaryHistory({ path, flushRecords: 5 })]
  for (let i = 0; i < 1000; i++) for (const history of both) history.record(record())
  await Promise.all(both.map(history => history.close()))
  expect(both.map(history => history.dropped)).toEqual([0, 0])
  expect(countOf(path)).toBe(2000)
})

test('options that cannot be meant are refused by name', () => {
  expect(() => createHistory({ path: '' })).toThrow(/path/)
  expect(() => createHistory({ path: 'x.db', retentionDays: 0 })).toThrow(/retentionDays/)
})
