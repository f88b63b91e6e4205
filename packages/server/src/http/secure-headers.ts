import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** Nothing in a reply of data is to be run, framed or embedded. A page says by itself what it may load. */
export const dataPolicy = "default-src 'none';frame-ancestors 'none'"

/** Puts security headers on every reply of a room. The hot route sets its own few. */
export async function secureHeaders(room: FastifyInstance): Promise<void> {
  await room.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // It is for HTTPS to promise HTTPS; whoever ends TLS in front of this server may.
    strictTransportSecurity: false,
  })
}
