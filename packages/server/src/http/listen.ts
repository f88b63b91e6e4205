import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { configurationError } from '../config/configuration-error.ts'

/** How long requests have to end by themselves when closing. */
const drainMs = 10_000

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

/** Stops listening and lets requests end; those that take longer are cut off when the tokens have closed. */
export async function drain(app: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), drainMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}
