import { appendFile, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { ask, type Reply } from '../start.ts'

/** So many elements in a row, each of which feeds the next one. */
export async function writePlant(path: string, count: number): Promise<void> {
  await writeFile(path, '')
  for (let from = 0; from < count; from += 20_000) {
    const lines: string[] = []
    for (let index = from; index < Math.min(count, from + 20_000); index++) {
      lines.push(JSON.stringify({ id: unit(index), type: 'pump', name: `Pump ${index}`, attributes: { index } }))
      if (index > 0) lines.push(JSON.stringify({ from: unit(index - 1), type: 'feeds', to: unit(index) }))
    }
    await appendFile(path, `${lines.join('\n')}\n`)
  }
}

export function unit(index: number): string {
  return `unit-${String(index).padStart(7, '0')}`
}

/** What a target holds, looked at from outside. */
export function counted(path: string, table: string, where = '1'): number {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  try {
    return Number(database.prepare(`select count(*) as count from ${table} where ${where}`).get()!.count)
  } finally {
    database.close()
  }
}

export interface SyncCaller {
  get(path: string): Promise<Reply>
  post(path: string, body?: object): Promise<Reply>
  /** Asks for the run until it is in one of these states. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, a test looks at it
  until(id: string, ...states: string[]): Promise<any>
}

const over = ['completed', 'failed', 'cancelled']

export function syncCaller(url: string, headers: Record<string, string> = {}): SyncCaller {
  let isOver = false
  onTestFinished(() => void (isOver = true))
  const get = (path: string) => ask(url, `/api/v1/${path}`, { headers })
  return {
    get,
    post: (path, body) =>
      ask(url, `/api/v1/${path}`, {
        method: 'POST',
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        body: body && JSON.stringify(body),
      }),
    async until(id, ...states) {
      const wanted = states.length > 0 ? states : over
      while (!isOver) {
        const { json, status } = await get(`runs/${id}`)
        if (status !== 200) throw new Error(`The run ${id} is answered with ${status}`)
        if (wanted.includes(json.state)) return json
        if (over.includes(json.state)) throw new Error(`The run is ${json.state}: ${JSON.stringify(json.error)}`)
        await new Promise(resolve => setTimeout(resolve, 60))
      }
    },
  }
}
