import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerParent } from '../harness/child.ts'

/** Issues tokens over HTTP, in a process of its own: its CPU time is nobody's cost here. */
let issued = 0
const server = createServer((request, response) => {
  request.resume()
  const body = JSON.stringify({ value: `token-${++issued}-${'x'.repeat(40)}`, expiresInSeconds: 7200 })
  response.writeHead(200, { 'content-type': 'application/json' }).end(body)
})

answerParent(
  {
    listen: () =>
      new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))),
  },
  () => server.close(),
)
