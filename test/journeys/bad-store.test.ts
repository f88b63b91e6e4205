import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { HotwellConfig } from '@hotwell/server'
import { describe, expect, test } from 'vitest'
import { type Ending, pause, temporaryFolder, tokenServer, until } from './scene.ts'
import { crm, type Served, serve, startServe } from './served.ts'
import { readToken, type TokenServer } from './token-server.ts'

interface Scene {
  folder: string
  data: string
  issuer: TokenServer
  config: HotwellConfig
}

async function scene(ending: Ending, lifeSeconds = 600): Promise<Scene> {
  const issuer = await tokenServer(ending, { lifeSeconds })
  const folder = await temporaryFolder(ending)
  const data = join(folder, 'data')
  const config = { dataDir: data, providers: { crm: crm(issuer.tokenEndpoint) }, manifest: ['crm/client'] }
  return { folder, data, issuer, config }
}

/** A data folder with a stored token, and no server that runs on it. */
async function withStoredToken(ending: Ending, environment: NodeJS.ProcessEnv = {}) {
  const made = await scene(ending)
  const { child, token } = await serve(ending, made.folder, made.config, environment)
  const value = await token('crm/client')
  child.signal('SIGTERM')
  await child.exited
  return { ...made, value }
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter(name => !/-(wal|shm)$/.test(name))
  const files = await Promise.all(names.map(async name => [name, (await readFile(join(folder, name))).toString('hex')]))
  return Object.fromEntries(files)
}

const refresh = ({ get }: Served) => get('/api/v1/tokens/crm/client/-/refresh', { method: 'POST' })

/** Fills the disk that a data folder is on, so that not one more byte can be written, and frees it again. */
interface SmallDisk {
  fill(pid: number): Promise<void>
  free(pid: number): Promise<void>
}

/** A disk of its own where this user may mount one; else a limit on the size of files, which fails in the same place. */
async function smallDisk({ onTestFinished }: Ending, folder: string): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    const limit = (pid: number, bytes: string) => void execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`])
    return { fill: async pid => limit(pid, '1'), free: async pid => limit(pid, 'unlimited') }
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  const filler = join(folder, 'filler')
  return {
    async fill() {
      const file = await open(filler, 'w')
      for (const size of [65_536, 4096, 512, 1]) {
        for (let full = false; !full; ) {
          // A write that was cut short has found the end, too.
          full = await file.write(Buffer.alloc(size)).then(
            ({ bytesWritten }) => bytesWritten < size,
            () => true,
          )
        }
      }
      await file.close()
    },
    free: () => rm(filler),
  }
}

describe.concurrent('a full disk', () => {
  test('stops no token, and once there is space again all is stored', async context => {
    const { folder, data, issuer, config } = await scene(context, 2)
    const disk = await smallDisk(context, data)
    const server = await serve(context, folder, config)
    await server.token('crm/client')
    await disk.fill(server.child.pid)
    const before = issuer.issued.length
    const filledAt = Date.now()
    while (Date.now() < filledAt + 4000) {
      const { expiresAt } = readToken(await server.token('crm/client'))
      expect(expiresAt).toBeGreaterThan(Date.now() - 50)
      await pause(40)
    }
    expect(issuer.issued.length).toBeGreaterThan(before + 1)
    await server.child.wrote(/could not be (read or )?written/)
    expect((await server.get('/healthz')).status).toBe(200)
    await disk.free(server.child.pid)
    issuer.settings.lifeSeconds = 600
    expect((await refresh(server)).status).toBe(200)
    await server.child.wrote(/The token store works again/)
    await until('a token that lives on', () => readToken(issuer.issued.at(-1)!.value).expiresAt > Date.now() + 60_000)
    const value = await server.token('crm/client')
    server.child.signal('SIGTERM')
    expect((await server.child.exited).code).toBe(0)
    const history = new DatabaseSync(join(data, 'hotwell.db'), { readOnly: true })
    const rows = history.prepare(`select count(*) as n from acquisitions where status = 'success'`).get() as {
      n: number
    }
    history.close()
    expect(rows.n).toBe(issuer.issued.length)
    const requests = issuer.requests
    expect(await (await serve(context, folder, config)).token('crm/client')).toBe(value)
    expect(issuer.requests).toBe(requests)
  })
})

const damage: [what: string, apply: (path: string) => Promise<void>, says: RegExp][] = [
  [
    'is no database',
    path => writeFile(path, 'This was a database once.\n'.repeat(500)),
    /tokens\.db is not an SQLite database/,
  ],
  ['has torn pages', path => overwrite(path, 4096), /tokens\.db is damaged|cannot be used|not an SQLite/],
  ['has lost its schema', path => overwrite(path, 100, 2000), /tokens\.db is damaged/],
]

async function overwrite(path: string, from: number, length?: number): Promise<void> {
  const { size } = await stat(path)
  const noise = randomBytes(length ?? size - from)
  const file = await open(path, 'r+')
  await file.write(noise, 0, noise.length, from)
  await file.close()
}

describe.concurrent('a damaged token database', () => {
  test.for(damage)('that %s at the start is never overwritten, and is named', async ([, apply, says], context) => {
    const { folder, data, issuer, config } = await withStoredToken(context)
    await apply(join(data, 'tokens.db'))
    const before = await contents(data)
    const child = await startServe(context, folder, config)
    const started = await Promise.race([child.exited, child.wrote(/Listening on/).then(() => undefined)])
    if (started) {
      expect(started.code).toBeGreaterThan(0)
      expect(child.output).toMatch(says)
      expect(child.output).not.toMatch(/\n\s+at /)
    } else {
      // What can be read is used; what cannot is said, and the rest works from memory.
      await child.wrote(/damaged|cannot be opened/)
      await child.kill()
    }
    expect((await contents(data))['tokens.db']).toBe(before['tokens.db'])
    expect((await contents(data))['tokens.key']).toBe(before['tokens.key'])
    expect(issuer.requests).toBeLessThanOrEqual(2)
  })

  test('that is replaced by garbage under a running server is not overwritten, and the server goes on', async context => {
    const { folder, data, issuer, config } = await scene(context, 2)
    const server = await serve(context, folder, config)
    await server.token('crm/client')
    const path = join(data, 'tokens.db')
    const garbage = Buffer.from('Somebody copied the wrong file here.\n'.repeat(300))
    await writeFile(`${path}.new`, garbage)
    for (const suffix of ['-wal', '-shm']) await rm(path + suffix, { force: true })
    await rename(`${path}.new`, path)
    const before = issuer.issued.length
    const damagedAt = Date.now()
    while (Date.now() < damagedAt + 4000) {
      expect(readToken(await server.token('crm/client')).expiresAt).toBeGreaterThan(Date.now() - 50)
      await pause(40)
    }
    expect(issuer.issued.length).toBeGreaterThan(before + 1)
    await server.child.wrote(/is not an SQLite database/)
    expect((await server.get('/api/v1/tokens')).status).toBe(200)
    server.child.signal('SIGTERM')
    expect((await server.child.exited).code).toBe(0)
    expect((await readFile(path)).equals(garbage)).toBe(true)
  })

  test('that is damaged in place under a running server does not stop it', async context => {
    const { folder, data, issuer, config } = await scene(context, 2)
    const server = await serve(context, folder, config)
    await server.token('crm/client')
    await overwrite(join(data, 'tokens.db'), 0)
    const before = issuer.issued.length
    const damagedAt = Date.now()
    while (Date.now() < damagedAt + 4000) {
      expect(readToken(await server.token('crm/client')).expiresAt).toBeGreaterThan(Date.now() - 50)
      await pause(40)
    }
    expect(issuer.issued.length).toBeGreaterThan(before + 1)
    server.child.signal('SIGTERM')
    expect((await server.child.exited).code).toBe(0)
  })

  test('of the history stops neither the start nor a token, and is not overwritten', async context => {
    const { folder, data, config, value } = await withStoredToken(context)
    const path = join(data, 'hotwell.db')
    const garbage = 'This was a database once.\n'.repeat(500)
    await writeFile(path, garbage)
    const server = await serve(context, folder, config)
    expect(await server.token('crm/client')).toBe(value)
    expect((await refresh(server)).status).toBe(200)
    await server.child.wrote(/History cannot be written/)
    server.child.signal('SIGTERM')
    expect((await server.child.exited).code).toBe(0)
    expect(await readFile(path, 'utf8')).toBe(garbage)
  })
})

describe.concurrent('files that are removed under a running server', () => {
  test('are made again, all of them: the next start serves what was stored since', async context => {
    const { folder, data, issuer, config } = await scene(context)
    const server = await serve(context, folder, config)
    await server.token('crm/client')
    await rm(data, { recursive: true })
    // The store looks once a second whether its file is still there.
    await pause(1100)
    expect((await refresh(server)).status).toBe(200)
    const value = await server.token('crm/client')
    await until('the key file', () => existsSync(join(data, 'tokens.key')))
    await server.child.kill()
    expect(await (await serve(context, folder, config)).token('crm/client')).toBe(value)
    expect(issuer.requests).toBe(2)
  })

  test('open no door to a wrong key', async context => {
    const right = { HOTWELL_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
    const { folder, data, config } = await scene(context)
    const server = await serve(context, folder, config, right)
    await server.token('crm/client')
    for (const suffix of ['', '-wal', '-shm']) await rm(join(data, `tokens.db${suffix}`), { force: true })
    await pause(1100)
    expect((await refresh(server)).status).toBe(200)
    server.child.signal('SIGTERM')
    await server.child.exited
    const wrong = { HOTWELL_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
    const child = await startServe(context, folder, config, wrong)
    expect((await child.exited).code).toBeGreaterThan(0)
    expect(child.output).toMatch(/tokens\.db is sealed with the key/)
  })
})

describe.concurrent('a wrong encryption key', () => {
  const key = () => randomBytes(32).toString('base64')

  test('is refused at the start and changes nothing; with the right one the token is served again', async context => {
    const right = { HOTWELL_ENCRYPTION_KEY: key() }
    const { folder, data, issuer, config, value } = await withStoredToken(context, right)
    const before = await contents(data)
    for (const wrong of [{ HOTWELL_ENCRYPTION_KEY: key() }, {}]) {
      const child = await startServe(context, folder, config, wrong)
      expect((await child.exited).code).toBeGreaterThan(0)
      expect(child.output).toMatch(/tokens\.db is sealed with the key .*Nothing was changed/)
      expect(child.output).not.toMatch(/\n\s+at /)
      expect(await contents(data)).toEqual(before)
    }
    expect(await (await serve(context, folder, config, right)).token('crm/client')).toBe(value)
    expect(issuer.requests).toBe(1)
  })

  test('that is no key at all is refused with the field named', async context => {
    const { folder, config } = await scene(context)
    const child = await startServe(context, folder, config, { HOTWELL_ENCRYPTION_KEY: 'short' })
    expect((await child.exited).code).toBe(5)
    expect(child.output).toMatch(/HOTWELL_ENCRYPTION_KEY: it has \d+ bytes, not 32/)
  })

  test('that lies where the lost key file must be put back is not made up', async context => {
    const { folder, data, config, value, issuer } = await withStoredToken(context)
    const file = join(data, 'tokens.key')
    await rename(file, `${file}.away`)
    const child = await startServe(context, folder, config)
    expect((await child.exited).code).toBeGreaterThan(0)
    expect(child.output).toMatch(/the key file .*tokens\.key is not there/)
    expect(await readdir(data)).not.toContain('tokens.key')
    await rename(`${file}.away`, file)
    expect(await (await serve(context, folder, config)).token('crm/client')).toBe(value)
    expect(issuer.requests).toBe(1)
  })
})
