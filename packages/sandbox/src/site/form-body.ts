import type { IncomingMessage } from 'node:http'

/** Bytes of a form that are read at most. */
const MAX_BODY_BYTES = 64 * 1024

/** The fields of a form sent as `application/x-www-form-urlencoded`; undefined over 64 kB, without reading the rest. */
export async function readFormBody(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk as Buffer)
  }
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
}
