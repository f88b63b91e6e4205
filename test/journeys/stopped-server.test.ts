import { createTokenManager } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { pause, temporaryFolder, tokenServer } from './scene.ts'
import { crm, serve } from './served.ts'
import { readToken } from './token-server.ts'

test('a server that was stopped past the end of its token answers none of the waiting requests with it', async context => {
  const issuer = await tokenServer(context, { lifeSeconds: 2 })
  const config = { providers: { crm: crm(issuer.tokenEndpoint) }, manifest: ['crm/client'] }
  const server = await serve(context, await temporaryFolder(context), config)
  for (let round = 0; round < 2; round++) {
    // Connections that are there before the stop, so that nothing but the requests has to arrive.
    await Promise.all(Array.from({ length: 20 }, () => server.token('crm/client')))
    server.child.signal('SIGSTOP')
    await pause(100)
    const waiting = Array.from({ length: 20 }, async () => {
      const value = await server.token('crm/client')
      return Math.max(0, Date.now() - readToken(value).expiresAt)
    })
    await pause(2500)
    server.child.signal('SIGCONT')
    expect(Math.max(...(await Promise.all(waiting)))).toBe(0)
  }
})

test('an event loop that hung past the end of a token hands it to nobody in the turn in which it goes on', async context => {
  const ends = new Map<string, number>()
  const provider = custom({
    kinds: ['client'],
    acquire: () => {
      const value = `token-${ends.size}`
      ends.set(value, Date.now() + 1000)
      return { value, expiresInSeconds: 1 }
    },
  })
  const tokens = createTokenManager({ providers: { it: provider }, preheat: false })
  context.onTestFinished(() => tokens.close())
  const handle = tokens.token('it/client')
  await handle.get()
  await pause(30)
  const end = Date.now() + 1200
  while (Date.now() < end);
  expect(handle.peek()).toBeUndefined()
  expect(ends.get(await handle.get())).toBeGreaterThan(Date.now())
})
