import { answerParent } from '../harness/child.ts'
import { HttpConnection } from '../harness/http-connection.ts'

export interface Load {
  readonly port: number
  readonly request: string
  readonly connections: number
  /** In all, over all connections. */
  readonly requests: number
  readonly bodyBytes: number
}

/** So many connections, each sending its next request when the last one is answered. Resolves with requests a second. */
async function run({ port, request, connections, requests, bodyBytes }: Load): Promise<number> {
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port)))
  let left = requests
  const startedAt = performance.now()
  try {
    await Promise.all(
      open.map(async connection => {
        while (left-- > 0) {
          const body = await connection.send(request)
          if (body.length !== bodyBytes) throw new Error(`A reply had ${body.length} bytes instead of ${bodyBytes}.`)
        }
      }),
    )
    return (requests * 1000) / (performance.now() - startedAt)
  } finally {
    for (const connection of open) connection.close()
  }
}

answerParent({ run })
