import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { type Ending, mortal, pause, temporaryFolder, tokenServer, until } from './scene.ts'
import type { TokenServer } from './token-server.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const callers = 1000
const lifeSeconds = 3
interface Seen {
  gets: number
  expired: number
  longestExpiredMs: number
  expiredAfterHanging: number
  expiredWhileTurning: number
  wrong: number
  backwards: number
  errors: Record<string, number>
  generations: Record<string, Record<number, string>>
}

interface Scene {
  server: TokenServer
  two: Record<string, Child>
}

/** Two processes, A and B, whose callers all begin to ask now. */
async function scene(ending: Ending, { shared = true } = {}): Promise<Scene> {
  const server = await tokenServer(ending, { lifeSeconds })
  const path = shared ? join(await temporaryFolder(ending), 'tokens.db') : undefined
  const { tokenEndpoint } = server
  const start = (name: string) =>
    mortal(ending, startProgram('callers', { name, tokenEndpoint, path, callers, everyMs: 80 }))
  const two = { A: start('A'), B: start('B') }
  await Promise.all(Object.values(two).map(child => child.told('ready')))
  await Promise.all(Object.values(two).map(child => child.ask('go')))
  return { server, two }
}

const other = (name: string) => (name === 'A' ? 'B' : 'A')
const close = (children: Child[]) => Promise.all(children.map(child => child.ask<Seen>('close')))

/** Acquisitions of each token that came before the one before it was due for renewal (a quarter before its end). */
function acquiredTooEarly({ issued }: TokenServer): string[] {
  return ['read', 'write'].flatMap(scope => {
    const ours = issued.filter(token => token.scope === scope)
    return ours.slice(1).flatMap((token, index) => {
      // A life counts from sending: what a slow machine adds afterwards makes no renewal early.
      const sinceMs = token.sentAt - ours[index]!.sentAt
      return sinceMs < lifeSeconds * 740 ? [`${token.value} after ${sinceMs} ms`] : []
    })
  })
}

/** A generation names one token, whoever asks. */
function namedTwice(all: Seen[]): string[] {
  return ['read', 'write'].flatMap(scope => {
    const names = new Map<string, string>()
    return all.flatMap(({ generations }) =>
      Object.entries(generations[scope]!).flatMap(([generation, value]) => {
        const known = names.get(generation) ?? value
        names.set(generation, known)
        return known === value ? [] : [`${generation}: ${known} and ${value}`]
      }),
    )
  })
}

function expectGoodTokensOnly(all: Seen[]): void {
  const none = { expired: 0, expiredWhileTurning: 0, longestExpiredMs: 0, wrong: 0, backwards: 0, errors: {} }
  for (const { gets, expired, expiredWhileTurning, wrong, backwards, errors, longestExpiredMs } of all) {
    const bad = { expired, expiredWhileTurning, longestExpiredMs, wrong, backwards, errors }
    expect(bad).toEqual(none)
    expect(gets).toBeGreaterThan(callers)
  }
  expect(namedTwice(all)).toEqual([])
}

/** Holds the first request that the provider gets from now on. `held` names the process that sent it. */
function holdNextRequest({ settings }: TokenServer): { held: Promise<string>; letGo: () => void } {
  const held = Promise.withResolvers<string>()
  const go = Promise.withResolvers<void>()
  settings.intercept = async ({ process }) => {
    settings.intercept = undefined
    held.resolve(process)
    await go.promise
    return undefined
  }
  return { held: held.promise, letGo: () => go.resolve() }
}

function untilIssuedTo(name: string, { issued }: TokenServer): Promise<unknown> {
  const before = issued.length
  return until(`a token for ${name}`, () => issued.slice(before).some(token => token.process === name))
}

describe.concurrent('two processes with one store and a thousand callers each', () => {
  test('make one acquisition per token and renewal', async context => {
    const { server, two } = await scene(context)
    await pause(long ? 60_000 : 7000)
    const seen = await close(Object.values(two))
    expectGoodTokensOnly(seen)
    expect(acquiredTooEarly(server)).toEqual([])
    expect(server.issued.length).toBeGreaterThan(long ? 40 : 4)
    for (const child of Object.values(two)) expect(await child.exited).toEqual({ code: 0, signal: null })
  })

  test('make two where each has a store of its own', async context => {
    const { server, two } = await scene(context, { shared: false })
    await close(Object.values(two))
    const asked = server.issued.map(({ scope, process }) => `${process} ${scope}`)
    expect(asked.slice(0, 4).sort()).toEqual(['A read', 'A write', 'B read', 'B write'])
    expect(acquiredTooEarly(server)).not.toEqual([])
  })

  test('lose nothing when one of them is killed in the middle of an acquisition', async context => {
    const { server, two } = await scene(context)
    await until('the first tokens', () => server.issued.length >= 2)
    const { held, letGo } = holdNextRequest(server)
    const victim = await held
    await two[victim]!.kill()
    const takenOver = untilIssuedTo(other(victim), server)
    letGo()
    await takenOver
    expectGoodTokensOnly(await close([two[other(victim)]!]))
  })

  test('lose nothing when one is stopped past its claim, and its late token is given to nobody', async context => {
    const { server, two } = await scene(context)
    await until('the first tokens', () => server.issued.length >= 2)
    const { held, letGo } = holdNextRequest(server)
    const victim = await held
    two[victim]!.signal('SIGSTOP')
    await pause(5500)
    await untilIssuedTo(other(victim), server)
    const known = server.issued.length
    letGo()
    const late = await until('the late token', () => server.issued.slice(known).find(one => one.process === victim))
    two[victim]!.signal('SIGCONT')
    await pause(2500)
    const seen = await close(Object.values(two))
    expectGoodTokensOnly(seen)
    const served = seen.flatMap(({ generations }) => Object.values(generations[late.scope]!))
    expect(served).not.toContain(late.value)
  })

  const manyRounds = async (context: Ending) => {
    const { server, two } = await scene(context)
    const survivors: Seen[] = []
    for (let round = 0; round < 40; round++) {
      const name = Math.random() < 0.5 ? 'A' : 'B'
      const child = two[name]!
      await pause(Math.random() * 3000)
      if (Math.random() < 0.5) {
        child.signal('SIGSTOP')
        await pause(Math.random() * 8000)
        child.signal('SIGCONT')
      } else {
        // What it has seen until now is lost with it; the next one sees the same store.
        survivors.push(await child.ask<Seen>('seen'))
        await child.kill()
        const { tokenEndpoint } = server
        const settings = { ...JSON.parse(child.process.spawnargs.at(-1)!), name, tokenEndpoint }
        two[name] = mortal(context, startProgram('callers', settings))
        await two[name].told('ready')
        await two[name].ask('go')
      }
    }
    await pause(lifeSeconds * 1000)
    expectGoodTokensOnly([...survivors.filter(({ gets }) => gets > callers), ...(await close(Object.values(two)))])
  }
  if (long) test('lose nothing in many rounds of kills and stops at random', manyRounds)
})
