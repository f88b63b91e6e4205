import { mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSealer } from '../../src/core/seal.ts'
import { openSqlite } from '../../src/database/index.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { failureOfModel, keyOf } from '../../src/testing/token-store-harness.ts'
import { sqlTokenStore } from '../../src/tokens/stores/sql/sql-token-store.ts'
import type { TokenTables } from '../../src/tokens/stores/sql/token-row.ts'
import { type SqliteTokenStoreOptions, sqlite } from '../../src/tokens/stores/sqlite.ts'
import type { NewToken, TokenStore } from '../../src/tokens/token-store.ts'

const keyA = Buffer.alloc(32, 1).toString('base64')
const keyB = Buffer.alloc(32, 2).toString('base64')
const [idA, idB] = createSealer([keyA, keyB]).keyIds

let folder: string
let path: string
let clock: FakeClock
const stores: TokenStore[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwell-trouble-'))
  path = join(folder, 'tokens.db')
  clock = new FakeClock()
})

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  await rm(folder, { recursive: true })
})

function connect(options: Partial<SqliteTokenStoreOptions> = {}) {
  const store = sqlite({ path, clock, encryptionKeys: keyA, ...options })
  stores.push(store)
  return store
}

async function put(store: TokenStore, ref: string, value: string, changes: Partial<NewToken> = {}) {
  const result = await store.claim(keyOf(ref), { holder: 'A', ttlMs: 1000, seenGeneration: Infinity })
  if (result.status !== 'claimed') throw new Error(result.status)
  const issuedAt = clock.now()
  const life = { issuedAt, expiresAt: issuedAt + 60_000, lifeMs: 60_000 }
  return store.commit(result.claim, { value, tokenType: 'Bearer', ...life, ...changes })
}

/** Changes the file behind the store's back. */
function tamper(statement: string): void {
  const database = new DatabaseSync(path)
  database.exec(statement)
  database.close()
}

function records(): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true })
  const rows = database.prepare('select * from token_records order by ref').all()
  database.close()
  return rows
}

test('neither token nor grant nor key lies open in any file', async () => {
  const store = connect({ encryptionKeys: undefined })
  const secrets = ['access-token-in-plain-text', 'refresh-token-in-plain-text']
  await put(store, 'crm/client', secrets[0]!, { grant: { value: secrets[1]! } })
  const key = (await readFile(join(folder, 'tokens.key'), 'utf8')).trim()
  const names = await readdir(folder)
  expect(names.sort()).toEqual(['tokens.db', 'tokens.db-shm', 'tokens.db-wal', 'tokens.key'])
  for (const name of names) {
    const content = await readFile(join(folder, name))
    for (const secret of secrets)
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64').slice(0, -4),
        Buffer.from(secret).toString('hex'),
      ])
        expect(content.includes(form), `${name} holds ${form}`).toBe(false)
    if (name !== 'tokens.key') expect(content.includes(key) || content.includes(Buffer.from(key, 'base64'))).toBe(false)
  }
  expect((await readFile(join(folder, 'tokens.db-wal'))).includes('crm/client'), 'control: the record is there').toBe(
    true,
  )
})

test('with a wrong key nothing opens and nothing changes; the error names the key that is wanted', async () => {
  const first = connect()
  await put(first, 'crm/client', 'v')
  await first.close()
  const before = await readFile(path)
  const wrong = connect({ encryptionKeys: keyB })
  for (const attempt of [wrong.open(), wrong.read(keyOf('crm/client')), put(wrong, 'crm/client', 'other')])
    await expect(attempt).rejects.toMatchObject({
      code: 'store_unreadable',
      message: expect.stringContaining(`is sealed with the key ${idA}; given: ${idB}. Nothing was changed.`),
    })
  expect(wrong.problems()).toHaveLength(1)
  await wrong.close()
  expect(await readFile(path)).toEqual(before)
  expect((await connect().read(keyOf('crm/client'))).token?.value).toBe('v')
})

test('a lost key file is not replaced by a new one', async () => {
  const store = connect({ encryptionKeys: undefined })
  await put(store, 'crm/client', 'v')
  await store.close()
  await rename(join(folder, 'tokens.key'), join(folder, 'elsewhere'))
  const again = connect({ encryptionKeys: undefined })
  await expect(again.open()).rejects.toMatchObject({
    code: 'store_unreadable',
    message: expect.stringContaining(`the key file ${join(folder, 'tokens.key')} is not there`),
  })
  expect(await readdir(folder)).not.toContain('tokens.key')
  await rename(join(folder, 'elsewhere'), join(folder, 'tokens.key'))
  expect((await again.read(keyOf('crm/client'))).token?.value).toBe('v')
})

test('an unreadable record is never overwritten and shows up in health, its neighbours work', async () => {
  const store = connect()
  await put(store, 'crm/client', 'v', { grant: { value: 'g' } })
  await put(store, 'crm/other', 'w')
  const held = await store.claim(keyOf('crm/client'), { holder: 'B', ttlMs: 1000, seenGeneration: Infinity })
  if (held.status !== 'claimed') throw new Error(held.status)
  tamper(`update token_records set expires_at = expires_at + 1 where ref = 'crm/client'`)
  const sealed = () => records().map(row => [row.sealed_token, row.sealed_grant, row.generation])
  const before = sealed()
  const entry = await store.read(keyOf('crm/client'))
  expect(entry.token).toBeUndefined()
  expect(entry.unreadable).toContain('The stored record of crm/client cannot be opened.')
  const claim = await store.claim(keyOf('crm/client'), { holder: 'C', ttlMs: 1000, seenGeneration: 0, force: true })
  expect(claim).toEqual({ status: 'unreadable', reason: entry.unreadable })
  const token = { value: 'x', tokenType: 'Bearer', issuedAt: 0, expiresAt: 1e15, lifeMs: 1e15 }
  await expect(store.commit(held.claim, token)).rejects.toMatchObject({ code: 'store_unreadable' })
  await expect(store.commit(held.claim, token, { spent: 'f' })).rejects.toMatchObject({ code: 'store_unreadable' })
  await expect(store.intend(held.claim, 'f')).rejects.toMatchObject({ code: 'store_unreadable' })
  expect(await store.invalidate(keyOf('crm/client'), Number(before[0]![2]))).toBe(false)
  expect(await store.reseal()).toEqual({ resealed: 0, unreadable: 0 })
  expect(sealed()).toEqual(before)
  expect(store.problems()).toEqual([entry.unreadable])
  expect((await store.read(keyOf('crm/other'))).token?.value).toBe('w')
  tamper(`update token_records set expires_at = expires_at - 1 where ref = 'crm/client'`)
  expect((await store.read(keyOf('crm/client'))).token?.value).toBe('v')
  expect(store.problems()).toEqual([])
})

test('a record moved to another key or generation is not served', async () => {
  const store = connect()
  await put(store, 'crm/a', 'value of a')
  await put(store, 'crm/b', 'value of b')
  tamper(`update token_records set sealed_token = (select sealed_token from token_records where ref = 'crm/a')`)
  expect((await store.read(keyOf('crm/a'))).token?.value).toBe('value of a')
  expect((await store.read(keyOf('crm/b'))).unreadable).toBeDefined()
  tamper(`update token_records set generation = generation + 1`)
  expect((await store.read(keyOf('crm/a'))).unreadable).toBeDefined()
})

test('re-sealing moves everything to the new key; afterwards the old one is not needed and not enough', async () => {
  const old = connect()
  for (let i = 0; i < 50; i++)
    await put(old, `crm/client?scope=${i}`, `v${i}`, i % 2 ? { grant: { value: `g${i}` } } : {})
  const dropped = await put(old, 'crm/rejected', 'v', { grant: { value: 'kept' } })
  await old.invalidate(keyOf('crm/rejected'), dropped.token!.generation)
  await old.close()
  const both = connect({ encryptionKeys: [keyB, keyA] })
  await put(both, 'crm/client?scope=0', 'renewed with the new key')
  expect(await both.reseal()).toEqual({ resealed: 50, unreadable: 0 })
  expect(await both.reseal()).toEqual({ resealed: 0, unreadable: 0 })
  await both.close()
  const next = connect({ encryptionKeys: keyB })
  expect((await next.read(keyOf('crm/client?scope=0'))).token?.value).toBe('renewed with the new key')
  expect((await next.read(keyOf('crm/client?scope=49'))).token).toMatchObject({ value: 'v49', grant: { value: 'g49' } })
  const entry = await next.read(keyOf('crm/rejected'))
  expect(entry).toEqual({ tombstone: dropped.token!.generation, grant: { value: 'kept' } })
  await expect(connect({ encryptionKeys: keyA }).open()).rejects.toMatchObject({ code: 'store_unreadable' })
})

test('a full disk fails the call, keeps what is there, shows in health, and is over without a restart', async () => {
  const database = await openSqlite<TokenTables>(path)
  const store = sqlTokenStore({
    scope: 'machine',
    clock,
    connect: async () => database,
    keys: async () => [keyA],
    changed: async () => true,
  })
  stores.push(store)
  const pages = (limit: number) =>
    database.query(kysely => sql`pragma max_page_count = ${sql.lit(limit)}`.execute(kysely))
  await put(store, 'crm/client', 'v', { grant: { value: 'g' } })
  const before = await store.read(keyOf('crm/client'))
  await pages(10)
  const large = put(store, 'crm/client', 'x'.repeat(100_000), { grant: { value: 'g2' } })
  await expect(large).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('disk is full'),
  })
  expect(store.problems()).toEqual([expect.stringContaining(`${path} could not be written: the disk is full.`)])
  expect(await store.read(keyOf('crm/client'))).toEqual(before)
  expect(store.problems(), 'that it can be read does not make it well').toHaveLength(1)
  await pages(10_000)
  clock.freeze(1001)
  await put(store, 'crm/client', 'x'.repeat(100_000), { grant: { value: 'g2' } })
  expect((await store.read(keyOf('crm/client'))).token?.grant?.value).toBe('g2')
  expect(store.problems()).toEqual([])
})

test('garbage instead of a database is left as it is; a sound file put back works without a restart', async () => {
  const first = connect()
  await put(first, 'crm/client', 'v')
  await first.close()
  const sound = await readFile(path)
  const garbage = Buffer.alloc(sound.length, 'garbage ')
  await writeFile(path, garbage)
  const store = connect()
  await expect(put(store, 'crm/client', 'w')).rejects.toMatchObject({ code: 'store_unreadable' })
  expect(store.problems()[0]).toContain(`${path} is not an SQLite database`)
  expect(await readFile(path)).toEqual(garbage)
  await writeFile(path, sound)
  expect((await store.read(keyOf('crm/client'))).token?.value).toBe('v')
  expect(store.problems()).toEqual([])
})

test('what is long over is removed; grants, intents, tombstones in force and the last change stay', async () => {
  const store = connect()
  await put(store, 'crm/plain', 'v')
  await put(store, 'crm/granted', 'v', { grant: { value: 'g' } })
  await put(store, 'crm/forever', 'v', { expiresAt: Infinity })
  const intent = await store.claim(keyOf('crm/intent'), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  if (intent.status === 'claimed') await store.intend(intent.claim, 'f')
  await store.claim(keyOf('crm/claimed'), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  const failed = await store.claim(keyOf('crm/failed'), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  if (failed.status === 'claimed') await store.fail(failed.claim, failureOfModel())
  clock.freeze(6 * 86_400_000)
  expect(await store.purge()).toBe(0)
  clock.freeze(2 * 86_400_000)
  expect(await store.purge()).toBe(2)
  expect(records().map(row => row.ref)).toEqual(['crm/failed', 'crm/forever', 'crm/granted', 'crm/intent'])
})

test('tidying up frees claims of holders that died, never one whose holder may come back', async () => {
  const store = connect()
  await store.claim(keyOf('crm/dead'), { holder: 'A', ttlMs: 1000, seenGeneration: 0 })
  clock.freeze(599_000)
  await store.claim(keyOf('crm/stopped'), { holder: 'B', ttlMs: 1000, seenGeneration: 0 })
  expect(await store.cleanup!()).toMatchObject({ deadClaims: 0 })
  clock.freeze(5000)
  expect(await store.cleanup!()).toMatchObject({ deadClaims: 1 })
  expect(records().map(({ ref, holder }) => [ref, holder])).toEqual([
    ['crm/dead', null],
    ['crm/stopped', 'B'],
  ])
})

test('the log does not grow without end', async () => {
  const store = connect()
  for (let i = 0; i < 600; i++) await put(store, `crm/client?scope=${i % 10}`, 'x'.repeat(2000))
  expect((await readFile(`${path}-wal`)).length).toBeLessThan(1_500_000)
})

test('a store without a file is refused with a better one', () => {
  expect(() => sqlite({ path: ':memory:' })).toThrow(expect.objectContaining({ code: 'invalid_configuration' }))
})

test('a removed database is made again, and what was removed is not missed by the next write', async () => {
  const store = connect()
  await put(store, 'crm/client', 'v')
  for (const suffix of ['', '-wal', '-shm']) await unlink(path + suffix)
  await expect.poll(async () => (await store.read(keyOf('crm/client'))).token, { timeout: 5000 }).toBeUndefined()
  await put(store, 'crm/client', 'w')
  expect((await connect().read(keyOf('crm/client'))).token?.value).toBe('w')
})
