// A provider of one's own: a court site that issues a session token for its account. Everything else (one acquisition
// for all callers, renewal ahead of time, back-off, limits) comes with the manager.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTokenManager, providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'

let logins = 0
const site = createServer((request, response) => {
  const known = request.headers['x-session'] === `session-${logins}`
  if (request.url === '/login') response.end(JSON.stringify({ session: `session-${++logins}`, seconds: 3600 }))
  else response.writeHead(known ? 200 : 403).end(known ? 'case 2026-117: open' : 'please log in')
}).listen(0, '127.0.0.1')
await once(site, 'listening')
const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}`

const court = custom({
  kinds: ['tenant'],
  identity: `court|${url}`,
  async acquire({ ref, signal }) {
    const reply = await fetch(`${url}/login`, { method: 'POST', body: ref.subject, signal })
    if (reply.status === 403) {
      // Terminal: asking again with the same password would only lock the account.
      throw providerFailure({
        code: 'credentials_rejected',
        scope: 'ref',
        message: `The court refused ${ref.subject}.`,
      })
    }
    const { session, seconds } = (await reply.json()) as { session: string; seconds: number }
    return { value: session, expiresInSeconds: seconds }
  },
  // This site wants its token in a header of its own, and says 403 when it does not like it.
  attach(request, token) {
    const headers = new Headers(request.headers)
    headers.set('x-session', token)
    return new Request(request, { headers })
  },
  rejects: ({ status }) => status === 403,
  baseUrls: [url],
})

await using tokens = createTokenManager({ providers: { court } })
const clerk = tokens.token('court/tenant/clerk')
console.log(await (await clerk.fetch('/cases/117')).text())

logins++ // The site forgets the session. The next request is rejected, and sent again with a new token.
await new Promise(resolve => setTimeout(resolve, 2100)) // A younger token would first be tried again as it is.
console.log(await (await clerk.fetch('/cases/117')).text())
console.log(`${tokens.metrics.totalWriteLocks()} logins in all`)
site.close()
site.closeAllConnections()
