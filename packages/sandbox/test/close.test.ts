import { once } from 'node:events'
import { Agent, get as httpGet } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startLarkSimulator, startOpenIdProvider } from '../src/index.ts'

const larkApps = [{ appId: 'cli_acme', appSecret: 's', tenants: ['acme'] }]
const clients = [{ clientId: 'crm', clientSecret: 'crm-secret' }]

describe.each([
  ['the Lark simulator', (port = 0) => startLarkSimulator({ port, apps: larkApps })],
  ['the OpenID provider', (port = 0) => startOpenIdProvider({ port, clients })],
])('%s', (_, start) => {
  test('closing ends idle and waiting connections and frees the port', async () => {
    const server = await start()
    server.faults.set({ latencyMs: 60_000 })
    const idle = connect(server.port, '127.0.0.1')
    await once(idle, 'connect')
    const waiting = expect(fetch(`${server.url}/jwks`)).rejects.toThrow('fetch failed')
    await until(() => server.requests.inFlight === 1)
    const idleEnds = Promise.race([once(idle, 'close'), once(idle, 'error')])
    await server.close()
    await Promise.all([waiting, idleEnds])
    await expect(fetch(server.url)).rejects.toThrow('fetch failed')
    await using successor = await start(server.port)
    expect(successor.port).toBe(server.port)
  })

  test('closing ends a kept-alive connection between two requests', async () => {
    await using server = await start()
    const agent = new Agent({ keepAlive: true })
    const [response] = await once(httpGet(`${server.url}/nowhere`, { agent }), 'response')
    response.resume()
    await once(response, 'close')
    await server.close()
    agent.destroy()
  })

  test('closing twice is safe, also at once', async () => {
    const server = await start()
    await Promise.all([server.close(), server.close()])
    await server[Symbol.asyncDispose]()
  })

  test('a port that is taken is an error', async () => {
    await using server = await start()
    await expect(start(server.port)).rejects.toThrow('EADDRINUSE')
  })

  test('it listens on loopback unless told otherwise', async () => {
    await using server = await start()
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
