import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { startHotwell } from './child.ts'
import { type Ending, mortal, temporaryFolder, tokenServer, until } from './scene.ts'
import { crm, serve } from './served.ts'

const clients = 6
const refs = Array.from({ length: clients }, (_, index) => `crm${index}/client`)

/** A server with six tokens at a provider whose replies the test holds back. */
async function scene(ending: Ending) {
  const issuer = await tokenServer(ending, { lifeSeconds: 600 })
  const data = join(await temporaryFolder(ending), 'data')
  const providers = Object.fromEntries(
    refs.map((_, index) => [`crm${index}`, crm(issuer.tokenEndpoint, { clientId: `crm${index}` })]),
  )
  const server = await serve(ending, join(data, '..'), { dataDir: data, providers })
  const go = Promise.withResolvers<void>()
  let waiting = 0
  const holdAll = () => {
    issuer.settings.intercept = async () => {
      waiting++
      await go.promise
      waiting--
      return undefined
    }
  }
  return { issuer, data, server, holdAll, waiting: () => waiting, letGo: () => go.resolve() }
}

function query<T>(path: string, sql: string): T[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database.prepare(sql).all() as T[]
  } finally {
    database.close()
  }
}

const claims = (data: string) =>
  query(join(data, 'tokens.db'), 'select ref from token_records where claim_until_ms is not null')
const stored = (data: string) =>
  query(join(data, 'tokens.db'), 'select ref from token_records where sealed_token is not null')
const history = (data: string) => query<{ status: string }>(join(data, 'hotwell.db'), 'select status from acquisitions')

describe.concurrent('a server that is told to stop', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)(
    'by %s in the middle of acquisitions ends them, answers who waits, and leaves nothing behind',
    async (signal, context) => {
      const { issuer, data, server, holdAll, waiting, letGo } = await scene(context)
      expect(await server.token(refs[0]!)).toBe(issuer.issued[0]!.value)
      holdAll()
      const callers = refs.slice(1).map(ref => server.token(ref))
      await until('all to be asked for', () => waiting() === clients - 1)
      expect(claims(data).length).toBe(clients - 1)
      server.child.signal(signal)
      await server.child.wrote(/"Stopping"/)
      letGo()
      const values = await Promise.all(callers)
      expect(await server.child.exited).toEqual({ code: 0, signal: null })
      expect(values.sort()).toEqual(
        issuer.issued
          .slice(1)
          .map(({ value }) => value)
          .sort(),
      )
      expect(claims(data)).toEqual([])
      expect(stored(data).length).toBe(clients)
      expect(history(data).map(({ status }) => status)).toEqual(issuer.issued.map(() => 'success'))
    },
  )

  test('waits no longer than it should for a provider that never answers: it gives up, tells the callers, and gives the claims back', async context => {
    const { issuer, data, server, holdAll, waiting, letGo } = await scene(context)
    await server.token(refs[0]!)
    holdAll()
    context.onTestFinished(letGo)
    const callers = refs.slice(1).map(ref => server.get(`/api/v1/tokens/${ref}`))
    await until('all to be asked for', () => waiting() === clients - 1)
    server.child.signal('SIGTERM')
    const answers = await Promise.all(callers)
    for (const answer of answers) {
      expect(answer.status).toBe(503)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(await answer.json()).toMatchObject({ code: 'closed' })
    }
    expect(await server.child.exited).toEqual({ code: 0, signal: null })
    expect(claims(data)).toEqual([])
    expect(stored(data).length).toBe(1)
    expect(history(data).filter(({ status }) => status === 'success').length).toBe(issuer.issued.length)
  })

  test('leaves claims behind when it is killed instead, and no more than those', async context => {
    const { data, server, holdAll, waiting, letGo } = await scene(context)
    await server.token(refs[0]!)
    holdAll()
    context.onTestFinished(letGo)
    const callers = refs.slice(1).map(ref => server.token(ref).catch(() => undefined))
    await until('all to be asked for', () => waiting() === clients - 1)
    await server.child.kill()
    await Promise.all(callers)
    expect(claims(data).length).toBe(clients - 1)
    expect(stored(data).length).toBe(1)
  })

  test('a second time ends at once, with the code that shells give for that signal', async context => {
    const { server, holdAll, waiting, letGo } = await scene(context)
    holdAll()
    context.onTestFinished(letGo)
    const caller = server.token(refs[0]!).catch(() => undefined)
    await until('it to be asked for', () => waiting() === 1)
    server.child.signal('SIGTERM')
    await server.child.wrote(/"Stopping"/)
    server.child.signal('SIGTERM')
    expect(await server.child.exited).toEqual({ code: 143, signal: null })
    await caller
  })

  test('while it starts, ends as well', async context => {
    const folder = await temporaryFolder(context)
    const child = mortal(context, startHotwell(['demo', '--port', '0', '--data', join(folder, 'data')]))
    await child.wrote(/curl http/)
    child.signal('SIGINT')
    expect(await child.exited).toEqual({ code: 0, signal: null })
    expect(claims(join(folder, 'data'))).toEqual([])
  })
})
