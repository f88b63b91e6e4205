import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Clock, createSystemClock } from '../../src/core/clock.ts'
import { keyOf } from '../../src/testing/token-store-harness.ts'
import { sqlite } from '../../src/tokens/stores/sqlite.ts'
import type { TokenStore } from '../../src/tokens/token-store.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const script = new URL('./store-process.ts', import.meta.url)

let folder: string
let path: string
let clock: Clock
let store: TokenStore
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwell-processes-'))
  path = join(folder, 'tokens.db')
  clock = createSystemClock()
  store = sqlite({ path, clock })
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await store.close()
  await rm(folder, { recursive: true })
})

function start(...args: string[]): ChildProcess {
  const child = fork(script, args, { execArgv: ['--conditions=hotwell-source'] })
  children.push(child)
  return child
}

async function messageOf(child: ChildProcess): Promise<Record<string, unknown>> {
  const exited = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process ended without a message (${code ?? signal})`)
  })
  const [message] = await Promise.race([once(child, 'message'), exited])
  return message
}

/** Claims as soon as the claim of somebody else has lapsed. */
async function takeOver(ref: string) {
  for (;;) {
    const result = await store.claim(keyOf(ref), { holder: 'the test', ttlMs: 60_000, seenGeneration: 0 })
    if (result.status !== 'busy') return result
    await new Promise(resolve => setTimeout(resolve, result.lapsesInMs))
  }
}

test('four processes that all want each token make one acquisition per token', async () => {
  const rounds = long ? 1000 : 60
  const acquired: number[] = []
  const codes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = start('contend', path, String(rounds), '30000')
      child.on('message', message => acquired.push((message as { acquired: number }).acquired))
      const [code] = await once(child, 'exit')
      return code
    }),
  )
  expect(codes).toEqual([0, 0, 0, 0])
  expect(acquired.sort((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, round) => round))
})

test('killed and stopped in the middle of it, they cost one more acquisition each, and every token arrives', async () => {
  const rounds = long ? 1000 : 60
  const acquired: number[] = []
  const processes = Array.from({ length: 4 }, () => start('contend', path, String(rounds), '1000'))
  const befalls = [
    (child: ChildProcess) => child.kill('SIGKILL'),
    (child: ChildProcess) => {
      child.kill('SIGSTOP')
      setTimeout(() => child.kill('SIGCONT'), 1200)
    },
  ]
  const struck: ChildProcess[] = []
  for (const child of processes)
    child.on('message', message => {
      acquired.push((message as { acquired: number }).acquired)
      if (struck.includes(child) || struck.length === befalls.length) return
      // It has claimed and is acquiring.
      befalls[struck.length]!(child)
      struck.push(child)
    })
  const ends = processes.map(child => once(child, 'exit'))
  const codes = (await Promise.all(ends)).map(([code]) => code)
  expect(struck).toHaveLength(2)
  expect(codes.sort()).toEqual([0, 0, 0, null])
  expect(new Set(acquired).size).toBe(rounds)
  expect(acquired.length).toBeLessThanOrEqual(rounds + 2)
  for (let round = 0; round < rounds; round++)
    expect((await store.read(keyOf(`shared/client?scope=${round}`))).token).toBeDefined()
})

test('the claim of a process that was killed lapses', async () => {
  const child = start('hold', path, 'crm/client', '300')
  expect(await messageOf(child)).toMatchObject({ status: 'claimed' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect((await takeOver('crm/client')).status).toBe('claimed')
})

test('a process stopped past its claim finds its commit superseded, and learns the token', async () => {
  const child = start('hold', path, 'crm/client', '300')
  expect(await messageOf(child)).toMatchObject({ status: 'claimed' })
  child.kill('SIGSTOP')
  const result = await takeOver('crm/client')
  if (result.status !== 'claimed') throw new Error(result.status)
  const issuedAt = clock.now()
  const token = { value: 'new', tokenType: 'Bearer', issuedAt, expiresAt: issuedAt + 60_000, lifeMs: 60_000 }
  expect((await store.commit(result.claim, token)).status).toBe('stored')
  child.kill('SIGCONT')
  child.send('commit')
  expect(await messageOf(child)).toMatchObject({ status: 'superseded', token: { value: 'new' } })
  expect((await store.read(keyOf('crm/client'))).token?.value).toBe('new')
})

test('a process stopped past its claim still commits if nobody else has claimed', async () => {
  const child = start('hold', path, 'crm/client', '50')
  await messageOf(child)
  child.kill('SIGSTOP')
  await new Promise(resolve => setTimeout(resolve, 100))
  child.kill('SIGCONT')
  child.send('commit')
  expect(await messageOf(child)).toMatchObject({ status: 'stored' })
})
