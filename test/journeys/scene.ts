import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FakeClock } from 'hotwell/testing'
import type { TestContext } from 'vitest'
import type { Child } from './child.ts'
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server.ts'

/** What a test starts ends with it, whatever becomes of it. */
export type Ending = Pick<TestContext, 'onTestFinished'>

/** A folder that is removed at the end of the test. */
export async function temporaryFolder({ onTestFinished }: Ending): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotwell-journey-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A token server that is closed at the end of the test. */
export async function tokenServer({ onTestFinished }: Ending, options: TokenServerOptions): Promise<TokenServer> {
  const server = await startTokenServer(options)
  onTestFinished(() => server.close())
  return server
}

/** Kills a process at the end of the test if it still runs. */
export function mortal({ onTestFinished }: Ending, child: Child): Child {
  onTestFinished(() => child.kill())
  return child
}

export const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Looks until something is there; fails after a while. */
export async function until<T>(what: string, found: () => T | undefined | false, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = found()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`)
    await pause(10)
  }
}

/** Lets what was begun come to its end, whatever that is: real answers of the site, pauses of the fake clock. */
export async function settled(clock: FakeClock, works: Promise<unknown>[]): Promise<void> {
  let isOver = false
  const all = Promise.all(works).finally(() => (isOver = true))
  // Told below.
  all.catch(() => {})
  while (!isOver) await clock.advance(500)
  await all
}
