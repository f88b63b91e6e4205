import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

/** A real PostgreSQL for tests and benchmarks: one of its own, or that of DATABASE_URL. */
export interface PostgresService extends AsyncDisposable {
  /** A new, empty database, or a new schema where no database may be made. */
  database(): Promise<PostgresDatabase>
  stop(): Promise<void>
}

export interface PostgresDatabase {
  readonly connectionString: string
  drop(): Promise<void>
}

export interface PostgresServiceOptions {
  /** As on the command line, such as `max_wal_size=4GB`. */
  settings?: readonly string[]
}

const longestSocketFolder = 80
const patienceMs = 30_000

/**
 * Starts a server with a data folder and a socket of its own. It ends with this process, however that ends: it watches a
 * pipe that closes then. Default collation is ICU's English, so that an order that is not by bytes shows.
 */
export async function startPostgres({ settings = [] }: PostgresServiceOptions = {}): Promise<PostgresService> {
  const given = process.env.DATABASE_URL
  if (given) {
    const stop = async () => {}
    return { database: () => makeDatabase(given), stop, [Symbol.asyncDispose]: stop }
  }
  const binaries = findBinaries() ?? install()
  const owner = process.getuid?.() === 0 ? ownerOf('postgres') : undefined
  const base = tmpdir().length > longestSocketFolder ? '/tmp' : tmpdir()
  const folder = mkdtempSync(join(base, 'hotwell-postgres-'))
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const icu = ['--locale-provider=icu', '--icu-locale=en']
  const initdb = ['-D', data, '-U', 'hotwell', '-A', 'trust', '-E', 'UTF8', '--locale=C', ...icu, '--no-sync']
  execFileSync(join(binaries, 'initdb'), initdb, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], ...owner })
  const options = [`unix_socket_directories=${folder}`, 'listen_addresses=', 'shared_buffers=256MB', ...settings]
  const server = [join(binaries, 'postgres'), '-D', data, ...options.flatMap(option => ['-c', option])]
  // The shell ends it when its own input ends, which is when this process does.
  const script = '"$@" </dev/null & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$FOLDER"'
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...server], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, FOLDER: folder },
    detached: true,
    ...owner,
  })
  child.unref()
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.ref()
      child.stdin!.end()
      await exited
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const connectionString = `postgresql://hotwell@localhost/postgres?host=${encodeURIComponent(folder)}`
  try {
    await ready(connectionString, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { database: () => makeDatabase(connectionString), stop, [Symbol.asyncDispose]: stop }
}

async function ready(connectionString: string, child: ChildProcess): Promise<void> {
  let log = ''
  child.stderr!.on('data', text => {
    log = `${log}${text}`.slice(-4000)
  })
  ;(child.stderr as unknown as { unref(): void }).unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  const startedAt = performance.now()
  for (;;) {
    const client = new pg.Client({ connectionString })
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      const hasEnded = child.exitCode !== null || performance.now() - startedAt > patienceMs
      if (hasEnded) throw new Error(`PostgreSQL did not start.\n${log}`, { cause: error })
      await pause(20)
    }
  }
}

async function makeDatabase(server: string): Promise<PostgresDatabase> {
  const name = `hotwell_test_${randomBytes(6).toString('hex')}`
  const connectionString = new URL(server)
  let kind = 'database'
  try {
    await execute(server, `create database ${name}`)
    connectionString.pathname = `/${name}`
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    kind = 'schema'
    await execute(server, `create schema ${name}`)
    connectionString.searchParams.set('options', `-c search_path=${name}`)
  }
  const drop = kind === 'database' ? `drop database if exists ${name} with (force)` : `drop schema ${name} cascade`
  return { connectionString: connectionString.href, drop: () => execute(server, drop) }
}

async function execute(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The newest there is. */
function findBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, other) => Number(other) - Number(one)) : []
  const folders = [
    ...versions.map(version => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

function install(): string {
  const wanted =
    'These tests need PostgreSQL 15 or newer: install it (Debian: apt-get install postgresql), or set DATABASE_URL.'
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new Error(wanted)
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  // Another test may be installing something.
  const patient = ['-o', 'DPkg::Lock::Timeout=300', '-q']
  execFileSync('apt-get', ['update', ...patient], options)
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...patient, 'postgresql'], options)
  const found = findBinaries()
  if (!found) throw new Error(wanted)
  return found
}

/** PostgreSQL refuses to run as root. */
function ownerOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
