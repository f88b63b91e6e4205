import { fork } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureKeyFile } from '../../src/core/key-file.ts'
import { createSealer, keyIdOf, type SealContext } from '../../src/core/seal.ts'

const keyA = Buffer.alloc(32, 1).toString('base64')
const keyB = Buffer.alloc(32, 2).toString('base64')
const context: SealContext = { id: 'record', part: 'token', generation: 5, expiresAt: 1000 }
const refused = expect.objectContaining({ code: 'store_unreadable' })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwell-seal-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('what is sealed opens again, and shows neither text nor key', () => {
  const sealer = createSealer([keyA])
  for (const text of ['', 'token', '令牌 \u{1f511}', 'x'.repeat(200_000)]) {
    const sealed = sealer.seal(text, context)
    expect(sealer.open(sealed, context)).toBe(text)
    if (text) expect(sealed).not.toContain(text)
    expect(keyIdOf(sealed)).toBe(sealer.keyId)
  }
  expect(keyA).not.toContain(sealer.keyId)
  expect(Buffer.from(keyA, 'base64').toString('hex')).not.toContain(sealer.keyId)
})

test('the same text never looks the same twice', () => {
  const sealer = createSealer([keyA])
  const sealed = Array.from({ length: 100 }, () => sealer.seal('token', context))
  expect(new Set(sealed).size).toBe(100)
})

test.each([
  ['another record', { id: 'other' }],
  ['another part', { part: 'grant' }],
  ['another generation', { generation: 6 }],
  ['a later end', { expiresAt: 1001 }],
  ['no end', { expiresAt: undefined }],
])('a text sealed for one place does not open in %s', (_, changes) => {
  const sealer = createSealer([keyA])
  const sealed = sealer.seal('token', context)
  expect(() => sealer.open(sealed, { ...context, ...changes })).toThrow(refused)
})

test('a single changed bit anywhere is noticed', () => {
  const sealer = createSealer([keyA])
  const sealed = sealer.seal('token', context)
  const head = sealed.lastIndexOf('.') + 1
  const bytes = Buffer.from(sealed.slice(head), 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i]! ^= 1
    expect(() => sealer.open(sealed.slice(0, head) + changed.toString('base64url'), context)).toThrow(refused)
  }
  for (const garbage of ['', 'h1', 'h1.', `h1.${sealer.keyId}.`, 'h2.a.b', 'x'])
    expect(() => sealer.open(garbage, context)).toThrow(refused)
})

test('several keys at once: the first seals, all open, a missing one is named', () => {
  const old = createSealer([keyA])
  const both = createSealer([keyB, keyA])
  expect(both.open(old.seal('token', context), context)).toBe('token')
  const sealed = both.seal('token', context)
  expect(keyIdOf(sealed)).toBe(createSealer([keyB]).keyId)
  expect(() => old.open(sealed, context)).toThrow(
    `It is sealed with the key ${both.keyId}; the keys given are ${old.keyId}.`,
  )
})

test.each([
  ['', 'Encryption key 1 is empty.'],
  ['short', 'Encryption key 1 has 3 bytes instead of 32.'],
  ['!'.repeat(44), 'Encryption key 1 is not base64.'],
  [Buffer.alloc(31, 9).toString('base64'), 'Encryption key 1 has 31 bytes instead of 32.'],
])('a key like %j is refused with a reason that does not show it', (key, message) => {
  expect(() => createSealer([key])).toThrow(
    expect.objectContaining({ code: 'invalid_configuration', message: expect.stringContaining(message) }),
  )
  if (key)
    expect(() => createSealer([key])).not.toThrow(expect.objectContaining({ message: expect.stringContaining(key) }))
})

test('eight processes that make the key file at once end up with one key', async () => {
  const path = join(folder, 'data', 'tokens.key')
  const script = new URL('./store-process.ts', import.meta.url)
  const keys = await Promise.all(
    Array.from({ length: 8 }, () => {
      const child = fork(script, ['key', path], { execArgv: ['--conditions=hotwell-source'] })
      return new Promise((resolve, reject) => child.once('message', resolve).once('exit', reject))
    }),
  )
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]).toBe((await readFile(path, 'utf8')).trim())
  expect(await readdir(join(folder, 'data'))).toEqual(['tokens.key'])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(createSealer([keys[0] as string]).keyIds).toHaveLength(1)
})

test('a key file that others may read is refused, with what to do', async () => {
  const path = join(folder, 'tokens.key')
  const key = await ensureKeyFile(path)
  await chmod(path, 0o640)
  await expect(ensureKeyFile(path)).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining(`chmod 600 ${path}`),
  })
  await chmod(path, 0o600)
  expect(await ensureKeyFile(path)).toBe(key)
})
