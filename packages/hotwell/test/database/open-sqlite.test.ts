import { mkdtemp, open, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Database, type Migration, openSqlite, type SqliteOptions } from '../../src/database/index.ts'

interface Things {
  things: { id: number; name: string | null }
}

const things: Migration = {
  name: '001-things-table',
  async up(database) {
    await database.schema
      .createTable('things')
      .addColumn('id', 'bigint', column => column.primaryKey())
      .addColumn('name', 'text')
      .execute()
  },
}

let folder: string
let path: string
const opened: { close(): unknown }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwell-database-'))
  path = join(folder, 'data', 'hotwell.db')
})

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close()
  await rm(folder, { recursive: true, force: true })
})

async function connect(options?: SqliteOptions): Promise<Database<Things>> {
  const database = await openSqlite<Things>(path, options)
  opened.push(database)
  return database
}

async function withThings(options?: SqliteOptions): Promise<Database<Things>> {
  const database = await connect(options)
  await database.migrate([things])
  return database
}

/** Another connection that holds the write lock. */
function lock(): DatabaseSync {
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  return other
}

const add = (database: Database<Things>, id: number, name = 'x') =>
  database.transaction(work => work.insertInto('things').values({ id, name }).execute())

const count = async (database: Database<Things>) =>
  (await database.query(kysely => kysely.selectFrom('things').select('id').execute())).length

test('the file and its folder are made for their owner only', async () => {
  await add(await withThings(), 1)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700)
})

test('rows are plain objects, integers are numbers where they fit and stay exact where they do not', async () => {
  const database = await connect()
  const { rows } = await database.query(kysely =>
    sql`select 1 as one, 9007199254740993 as big, ${true} as yes, ${undefined} as absent`.execute(kysely),
  )
  expect(rows).toStrictEqual([{ one: 1, big: 9007199254740993n, yes: 1, absent: null }])
  expect(Object.getPrototypeOf(rows[0])).toBe(Object.prototype)
})

test('while another process writes, a transaction is tried again and the thread goes on turning', async () => {
  const database = await withThings()
  const other = lock()
  let turns = 0
  const ticker = setInterval(() => {
    if (++turns === 10) other.exec('commit')
  }, 5)
  await add(database, 1)
  clearInterval(ticker)
  other.close()
  expect(turns).toBeGreaterThanOrEqual(10)
  expect(await count(database)).toBe(1)
})

test('readers do not wait for a writer', async () => {
  const database = await withThings()
  const other = lock()
  expect(await count(database)).toBe(0)
  other.close()
})

test('a lock that is held too long is store_unavailable, and over when the lock is gone', async () => {
  const database = await withThings({ busyLimitMs: 30 })
  const other = lock()
  await expect(add(database, 1)).rejects.toMatchObject({
    code: 'store_unavailable',
    retryable: true,
    message: expect.stringContaining(`${path} has been locked by another process`),
  })
  other.exec('rollback')
  other.close()
  await add(database, 1)
  expect(await count(database)).toBe(1)
})

test('transactions of one process come one after the other, and one that throws leaves nothing', async () => {
  const database = await withThings()
  await add(database, 0, '0')
  await Promise.all(
    Array.from({ length: 20 }, () =>
      database.transaction(async work => {
        const { name } = await work.selectFrom('things').select('name').executeTakeFirstOrThrow()
        await work
          .updateTable('things')
          .set({ name: String(Number(name) + 1) })
          .execute()
      }),
    ),
  )
  const failing = database.transaction(async work => {
    await work.updateTable('things').set({ name: 'wrong' }).execute()
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  const row = await database.query(kysely => kysely.selectFrom('things').select('name').executeTakeFirst())
  expect(row?.name).toBe('20')
})

test('a durable transaction waits for the disk, the others do not', async () => {
  const database = await withThings()
  const level = (kysely: Parameters<Parameters<Database['query']>[0]>[0]) =>
    sql<{ synchronous: number }>`pragma synchronous`.execute(kysely).then(({ rows }) => rows[0]?.synchronous)
  const seen = [
    await database.as().transaction(level, { durable: true }),
    await database.as().transaction(level),
    await database.as().query(level),
  ]
  expect(seen).toEqual([2, 1, 1])
})

test('a full disk is store_unavailable with advice, and writing goes on when there is room again', async () => {
  const database = await withThings()
  await database.query(kysely => sql`pragma max_page_count = 20`.execute(kysely))
  const filling = async () => {
    for (let id = 0; id < 100; id++) await add(database, id, 'x'.repeat(4000))
  }
  await expect(filling()).rejects.toMatchObject({
    code: 'store_unavailable',
    message: `${path} could not be written: the disk is full. Free some space; no restart is needed.`,
  })
  const before = await count(database)
  await database.query(kysely => sql`pragma max_page_count = 2000`.execute(kysely))
  await add(database, 1000)
  expect(await count(database)).toBe(before + 1)
})

test('a read-only database says so', async () => {
  const database = await withThings()
  await database.query(kysely => sql`pragma query_only = on`.execute(kysely))
  await expect(add(database, 1)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining(`${path} is read-only`),
  })
})

test('a file that is no database is refused and left as it is', async () => {
  path = join(folder, 'hotwell.db')
  const garbage = Buffer.alloc(20_000, 'this is not a database ')
  await writeFile(path, garbage)
  await expect(connect()).rejects.toMatchObject({
    code: 'store_unreadable',
    retryable: false,
    message: expect.stringContaining(`${path} is not an SQLite database. Nothing was changed.`),
  })
  expect(await readFile(path)).toEqual(garbage)
})

test('a damaged database is store_unreadable, and works again once it is restored', async () => {
  const first = await withThings()
  for (let id = 0; id < 50; id++) await add(first, id, 'x'.repeat(2000))
  await first.close()
  const sound = await readFile(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(sound.length - 4096, 0xa5), 0, sound.length - 4096, 4096)
  await file.close()
  const damaged = await connect()
  await expect(count(damaged)).rejects.toMatchObject({
    code: 'store_unreadable',
    message: expect.stringContaining(`${path} is damaged. Nothing was changed.`),
  })
  await writeFile(path, sound)
  expect(await count(damaged)).toBe(50)
})

test('a folder that cannot be made is store_unavailable and names the file', async () => {
  await writeFile(join(folder, 'data'), 'a file where a folder should be')
  await expect(connect()).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(path) })
})

test('a file that was removed while open is made again, tables included', async () => {
  const database = await withThings()
  await add(database, 1)
  for (const suffix of ['', '-wal', '-shm']) await unlink(path + suffix)
  // The check costs a system call, so it is made at most once a second.
  await expect.poll(() => count(database), { timeout: 5000, interval: 100 }).toBe(0)
  await add(database, 2)
  const other = await connect()
  expect(await count(other)).toBe(1)
})

test('many connections migrate at once, and each step is applied once', async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, () => connect()))
  await Promise.all(databases.map(database => database.migrate([things])))
  await databases[0]!.migrate([things])
  const { rows } = await databases[0]!.query(kysely => sql`select name from hotwell_migrations`.execute(kysely))
  expect(rows).toEqual([{ name: '001-things-table' }])
})

test('rooms share a file without knowing of each other; a missing step is added later', async () => {
  const database = await withThings()
  const other: Migration = {
    name: '001-other-table',
    up: async kysely => void (await sql`create table o (a)`.execute(kysely)),
  }
  await database.migrate([other])
  const next: Migration = {
    name: '002-things-colour',
    up: async kysely => void (await sql`alter table things add column colour text`.execute(kysely)),
  }
  await database.migrate([things, next])
  await database.query(kysely => sql`select colour, a from things, o`.execute(kysely))
})

test('a step that fails leaves nothing behind', async () => {
  const database = await withThings()
  const failing: Migration = {
    name: '002-things-wrong',
    async up(kysely) {
      await sql`create table half (a)`.execute(kysely)
      await sql`create table things (a)`.execute(kysely)
    },
  }
  await expect(database.migrate([things, failing])).rejects.toThrow()
  const { rows } = await database.query(kysely => sql`select 1 from sqlite_schema where name = 'half'`.execute(kysely))
  expect(rows).toEqual([])
})

test('a database of a newer version is refused, and nothing is changed', async () => {
  const newer: Migration = { name: '002-things-newer', up: async () => {} }
  await (await connect()).migrate([things, newer])
  await expect((await connect()).migrate([things])).rejects.toMatchObject({
    code: 'store_unreadable',
    message: expect.stringContaining('was written by a newer version of Hotwell (it has the step 002-things-newer)'),
  })
})

test('closing twice is harmless; afterwards every call says that it is closed', async () => {
  const database = await withThings()
  await database.close()
  await database.close()
  await expect(count(database)).rejects.toMatchObject({ code: 'closed' })
})
