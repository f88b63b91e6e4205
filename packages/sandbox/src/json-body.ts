import type { IncomingMessage } from 'node:http'

/** Bytes of a request body that are read at most. */
const MAX_BODY_BYTES = 64 * 1024

/** `undefined` where the body is not a JSON object in UTF-8; `'too large'` over 64 kB, without reading the rest. */
export async function readJsonBody(
  request: IncomingMessage,
): Promise<Record<string, unknown> | 'too large' | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY_BYTES) return 'too large'
    chunks.push(chunk as Buffer)
  }
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : undefined
  } catch {
    return undefined
  }
}
