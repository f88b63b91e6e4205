// Copies what a paged API lists into SQLite, with the tokens of a handle: the departments of a Feishu tenant. Tokens are
// renewed while it is read; too many requests, failures and rejected tokens are waited for or passed.
// For Feishu's contacts as a whole there is `hotwell/sources/lark`; this is how any API is read.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLarkSimulator } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { feishu } from 'hotwell/providers/feishu'
import { http } from 'hotwell/sources/http'
import { createSync, type RunStats } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'

const app = { appId: 'cli_example', appSecret: 'example-secret' }
await using lark = await startLarkSimulator({ apps: [{ ...app, tenants: ['acme'] }], people: { departments: 40 } })
await using tokens = createTokenManager({
  providers: { feishu: feishu({ ...app, tenants: ['acme'], baseUrl: lark.url }) },
})
const acme = tokens.token('feishu/tenant/acme')

interface Department {
  open_department_id: string
  parent_department_id: string
  name: string
  member_count: number
}

const departments = http({
  fetch: acme.fetch,
  // Without a host: the handle knows where its tokens may go.
  url: '/open-apis/contact/v3/departments/0/children?fetch_child=true',
  paging: { kind: 'page-token', parameter: 'page_token', next: 'data.page_token', hasMore: 'data.has_more' },
  pageSize: { parameter: 'page_size', most: 10 },
  items: 'data.items',
  record: item => {
    const { open_department_id: id, parent_department_id: parent, name, member_count: members } = item as Department
    return { id, type: 'department', name, ownerId: parent === '0' ? null : parent, attributes: { members } }
  },
})

const path = join(mkdtempSync(join(tmpdir(), 'hotwell-example-')), 'acme.db')
const patience = { firstMs: 50 }
const copy = createSync({ name: 'acme', source: departments, target: sqlite(path), strategy: { patience } })

// The token is rejected on the way, and one request in ten is one too many.
lark.faults.set({ paths: ['/open-apis/contact'], rate429: 0.1, retryAfterSeconds: 0 })
lark.revoke(await acme.get())
tell('first run', await copy.run())

lark.people('acme').departments[7]!.name = 'Heat recovery'
lark.people('acme').departments.pop()
tell('one was renamed, one is gone', await copy.run())
// A reading by page tokens may miss what moves meanwhile: one alone deletes nothing.
tell('and is still gone', await copy.run())
console.log(`${lark.requests.total} requests, ${tokens.metrics.totalWriteLocks()} tokens`)
await copy.close()

function tell(what: string, { total, inserted, updated, unchanged, deleted, failed }: RunStats): void {
  const counts = `${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${deleted} deleted, ${failed} failed`
  console.log(`${what}: ${total} records: ${counts}`)
}
