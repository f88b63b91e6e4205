import { once } from 'node:events'
import { startThread } from 'hotwell/core'
import type { FileSyncSettings } from './file-sync-worker.ts'

/** A sync of a file in a thread of its own, as a server runs it. */
export class FileSync {
  readonly #thread

  constructor(data: FileSyncSettings) {
    this.#thread = startThread('./file-sync-worker', import.meta.url, {
      name: 'file-sync',
      data,
      conditions: ['hotwell-source'],
    })
  }

  /** Runs it once; in seconds. */
  async run(): Promise<number> {
    this.#thread.postMessage('run')
    const [seconds] = (await once(this.#thread, 'message')) as [number]
    return seconds
  }

  async close(): Promise<void> {
    this.#thread.postMessage('close')
    await once(this.#thread, 'exit')
  }
}
