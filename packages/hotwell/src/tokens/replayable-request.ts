/** A request that is built anew for each time it is sent. */
export interface ReplayableRequest {
  /** False when its body is a stream, which can be sent only once. */
  readonly again: boolean
  /** The caller's. */
  readonly signal: AbortSignal
  /** What the caller wants done with redirects; the built requests follow none by themselves. */
  readonly redirect: Request['redirect']
  /** @param url where a redirect leads. A stream cannot be sent there. */
  build(url?: URL): Request
}

/** The longest body of a ready-made `Request` that is kept to be sent again, in bytes. */
const longestKeptBody = 1024 * 1024

/**
 * Takes the arguments of `fetch`. Texts, bytes, forms, parameters and blobs can be sent again, and so can a ready-made
 * `Request` whose body is at hand and at most 1 MB; streams cannot.
 */
export async function replayable(
  input: Parameters<typeof globalThis.fetch>[0],
  init: RequestInit | undefined,
  resolve: (text: string) => URL,
): Promise<ReplayableRequest> {
  if (!(input instanceof Request)) {
    const address = resolve(String(input))
    const { redirect = 'follow', signal } = init ?? {}
    return {
      again: !isStream(init?.body),
      signal: signal ?? new AbortController().signal,
      redirect,
      build: (url = address) => new Request(url, { ...init, redirect: 'manual' }),
    }
  }
  resolve(input.url)
  const given = new Request(input, init)
  const { method, headers, signal, redirect, keepalive } = given
  const body = given.body && (isStream(init?.body) ? undefined : await bodyAtHand(given))
  if (body === undefined) {
    return { again: false, signal, redirect, build: () => new Request(given, { redirect: 'manual' }) }
  }
  // Made from the given request where that is possible: it may carry more than can be read from it.
  const build = (url?: URL) =>
    url
      ? new Request(url, { method, headers, body, signal, keepalive, redirect: 'manual' })
      : new Request(given, { redirect: 'manual', ...(body && { body }) })
  return { again: true, signal, redirect, build }
}

function isStream(body: unknown): boolean {
  if (body === null || typeof body !== 'object') return false
  return body instanceof ReadableStream || (Symbol.asyncIterator in body && !(body instanceof Blob))
}

/**
 * The body of a request if it lies ready in memory. Whether it does cannot be asked, so its copy is read for as long as
 * the next part is there within a turn of the event loop; a live stream is left as it is.
 */
async function bodyAtHand(request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = request.clone().body!.getReader()
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for (;;) {
      const part = await Promise.race([reader.read(), turnOfEventLoop()])
      if (part === undefined) return undefined
      if (part.done) return new Uint8Array(Buffer.concat(parts))
      bytes += part.value.byteLength
      if (bytes > longestKeptBody) return undefined
      parts.push(part.value)
    }
  } catch {
    return undefined
  } finally {
    // Resolves only once the other branch has been cancelled as well.
    reader.cancel().catch(() => {})
  }
}

function turnOfEventLoop(): Promise<undefined> {
  return new Promise(resolve => setImmediate(() => resolve(undefined)))
}
