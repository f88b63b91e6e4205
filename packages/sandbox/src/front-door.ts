import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Faults } from './faults.ts'
import { sendReply } from './raw-reply.ts'
import type { RequestCounters } from './request-counters.ts'

export interface FrontDoorOptions {
  counters: RequestCounters
  faults: Faults
  /** Name under which a path is counted. */
  nameOf(method: string, path: string): string
  /** The service behind the door. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> | void
}

/** What every request passes on its way in: counted, delayed, failed where a fault says so, else handed to the service. */
export function frontDoor({ counters, faults, nameOf, handle }: FrontDoorOptions): RequestListener {
  return async (request, response) => {
    const method = request.method ?? 'GET'
    const path = (request.url ?? '/').split('?', 1)[0]!
    const done = counters.arrived(nameOf(method, path))
    // 'close' comes exactly once, after the reply or after the connection broke.
    response.once('close', () => done(response.writableFinished ? response.statusCode : 'cut'))
    const { waitMs, cut, reply } = faults.decide({ method, path })
    if (cut || reply) counters.faulted++
    try {
      if (waitMs > 0 && !(await waited(waitMs, response))) return
      if (reply) return sendReply(response, reply)
      if (cut) response.end = () => response.destroy()
      await handle(request, response, path)
    } catch (error) {
      sendReply(response, {
        status: 500,
        body: `The sandbox failed: ${error instanceof Error ? error.message : error}`,
      })
    }
  }
}

/** @returns false when the caller left, or the server closed, before the time was over */
async function waited(ms: number, response: ServerResponse): Promise<boolean> {
  const gone = new AbortController()
  const leave = () => gone.abort()
  response.once('close', leave)
  try {
    await wait(ms, undefined, { signal: gone.signal })
    return true
  } catch {
    return false
  } finally {
    response.off('close', leave)
  }
}
