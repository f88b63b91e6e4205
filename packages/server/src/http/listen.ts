import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { configurationError } from '../config/configuration-error.ts'

/** How long replies that are ready have to be sent when closing. */
const lastAnswersMs = 500

/**
 * Listens, and returns the URL without a slash at the end.
 * @throws HotwellError `invalid_configuration` naming `port` or `host`, with what to do
 */
export async function listen(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<string> {
  const bare = host.replace(/^\[|\]$/g, '')
  try {
    await app.listen({ host: bare, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem =
      code === 'EADDRINUSE'
        ? {
            field: 'port',
            message: `${port} on ${host} is taken by another program; choose another, or 0 for a free one`,
          }
        : code === 'EACCES'
          ? { field: 'port', message: `${port} may not be used by this user; choose one above 1023` }
          : { field: 'host', message: `${host} cannot be listened on (${message})` }
    throw configurationError(undefined, [problem], error)
  }
  const actual = (app.server.address() as AddressInfo).port
  return `http://${bare.includes(':') ? `[${bare}]` : bare}:${actual}`
}

/**
 * Stops listening and lets requests end. Those that are still there a moment after the tokens have closed are cut off:
 * nothing is left that could answer them.
 */
export async function drain(app: FastifyInstance, tokensClosed: Promise<unknown>): Promise<void> {
  const closed = app.close()
  let cut: NodeJS.Timeout | undefined
  await tokensClosed.finally(() => {
    cut = setTimeout(() => app.server.closeAllConnections(), lastAnswersMs)
  })
  try {
    await closed
  } finally {
    clearTimeout(cut)
  }
}
