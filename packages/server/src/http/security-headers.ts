import type { FastifyInstance } from 'fastify'

/** For data: nothing in it is to be run, framed, or embedded by another site. */
const strictest = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * Puts security headers on every reply of a room; what a route has set itself stays. There is no promise of HTTPS in
 * them: whoever ends TLS in front of this server may give it.
 */
export function secureHeaders(room: FastifyInstance): void {
  room.addHook('onSend', (_request, reply, _payload, done) => {
    for (const [name, value] of Object.entries(strictest)) if (!reply.hasHeader(name)) reply.header(name, value)
    done()
  })
}
