import { expect, test } from 'vitest'
import { pause, temporaryFolder, tokenServer } from './scene.ts'
import { crm, serve } from './served.ts'
import { readToken } from './token-server.ts'

test('a server that was stopped past the end of its token answers none of the waiting requests with it', async context => {
  const issuer = await tokenServer(context, { lifeSeconds: 2 })
  const config = { providers: { crm: crm(issuer.tokenEndpoint) }, manifest: ['crm/client'] }
  const server = await serve(context, await temporaryFolder(context), config)
  for (let round = 0; round < 3; round++) {
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
