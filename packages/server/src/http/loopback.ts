import type { IncomingHttpHeaders } from 'node:http'
import { isIPv4 } from 'node:net'
import { configurationError } from '../config/configuration-error.ts'
import { RequestRefused } from './problem.ts'

const ownName = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/** Whether only this machine reaches a server that is bound to this host. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return name === 'localhost' || name === '::1' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'))
}

/**
 * Everybody who reaches another address than loopback could take every token.
 * @throws HotwellError `invalid_configuration` naming `host`
 */
export function assertKeysFor(host: string, keys: boolean): void {
  if (keys || isLoopback(host)) return
  const message =
    `without API keys only loopback is served, and ${host} is reached from elsewhere; ` +
    'make a key first (hotwell keys create NAME), or listen on 127.0.0.1'
  throw configurationError(undefined, [{ field: 'host', message }])
}

/**
 * Without keys everybody on this machine may ask, and a browser asks on behalf of any web page. So a request counts as
 * local only if it names this machine (a page can rebind its own name to 127.0.0.1, but cannot lie about Host), comes
 * from no other origin, and through no proxy.
 * @throws RequestRefused `forbidden`, saying which header gave it away
 */
export function assertLocal(headers: IncomingHttpHeaders): void {
  const why = foreignSign(headers)
  if (why === undefined) return
  const way = 'Make an API key for other callers: hotwell keys create.'
  throw new RequestRefused('forbidden', `Without API keys only this machine itself is served, and ${why}. ${way}`)
}

/** Which header gives a request away that is not local; undefined if none does. */
export function foreignSign(headers: IncomingHttpHeaders): string | undefined {
  const { host, origin } = headers
  if (host === undefined || !ownName.test(host)) return 'the Host is not localhost, 127.0.0.1 or [::1]'
  if (origin !== undefined && origin !== `http://${host}`) return 'the Origin is another one'
  if (headers['sec-fetch-site'] === 'cross-site') return 'a page of another site asks (Sec-Fetch-Site)'
  for (const name in headers) {
    if (name === 'forwarded' || name.startsWith('x-forwarded-')) return `it came through a proxy (${name})`
  }
  return undefined
}
