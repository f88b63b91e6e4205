import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerParent } from '../harness/child.ts'

/** The floor: node:http and `JSON.stringify` of as many bytes as the real reply has. */
let reply: unknown
const server = createServer((_request, response) => {
  const body = JSON.stringify(reply)
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
})

answerParent(
  {
    listen: (body: unknown) => {
      reply = body
      return new Promise(resolve =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
      )
    },
    cpu: () => process.cpuUsage(),
  },
  () => server.close(),
)
