import { connect, type Socket } from 'node:net'

const headersEnd = '\r\n\r\n'

/**
 * A keep-alive connection that sends one request after the other, without pipelining. It does as little as possible, so
 * that a generator of load can outpace the server it measures.
 */
export class HttpConnection {
  readonly #socket: Socket
  #reply = ''
  #landed: { resolve(reply: string): void; reject(error: Error): void } | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.on('error', error => this.#landed?.reject(error))
    socket.on('close', () => this.#landed?.reject(new Error('The server closed the connection.')))
  }

  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new HttpConnection(socket))
      })
    })
  }

  /** Sends a whole request and resolves with the body of the reply; rejects unless its status is 200. */
  async send(request: string): Promise<string> {
    const reply = await new Promise<string>((resolve, reject) => {
      this.#landed = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
    if (!reply.startsWith('HTTP/1.1 200')) throw new Error(`The server answered ${reply.slice(0, 400)}`)
    return reply.slice(reply.indexOf(headersEnd) + headersEnd.length)
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: string): void {
    this.#reply += chunk
    const end = this.#reply.indexOf(headersEnd)
    if (end < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#reply.slice(0, end))?.[1])
    if (Number.isNaN(length)) {
      this.#landed?.reject(new Error('A reply came without Content-Length.'))
      return
    }
    if (this.#reply.length < end + headersEnd.length + length) return
    const reply = this.#reply
    this.#reply = ''
    this.#landed?.resolve(reply)
  }
}

/** The text of a GET request. */
export function getRequest(path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}`)
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}
