import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { answerParent } from '../harness/child.ts'

/** Sends every message back after 50 ms, however many come at once. */
const server = createServer({ noDelay: true }, socket => {
  socket.on('data', message => {
    setTimeout(() => socket.write(message), 50)
  })
  socket.on('error', () => socket.destroy())
})

answerParent({
  listen: async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
})
