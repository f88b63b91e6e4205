import { type LarkPeople, startLarkSimulator } from '@hotwell/sandbox'
import { afterEach, expect, test } from 'vitest'
import { createTokenManager } from '../../../src/index.ts'
import { createSync, type SyncRecord } from '../../../src/sync/index.ts'
import { lark } from '../../../src/sync/sources/lark.ts'
import { InstantClock } from '../../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../../src/testing/memory-target.ts'
import { sourceContract } from '../../../src/testing/sync-source-contract.ts'
import { feishu } from '../../../src/tokens/providers/feishu.ts'

const app = { appId: 'cli_acme', appSecret: 'secret-of-the-app', tenants: ['acme'] }

async function scene(departments = 9) {
  const simulator = await startLarkSimulator({ apps: [app], people: { departments, users: 130 } })
  const tokens = createTokenManager({
    providers: { feishu: feishu({ ...app, baseUrl: simulator.url }) },
    preheat: false,
  })
  const handle = tokens.token('feishu/tenant/acme')
  const book = simulator.people('acme')
  // More than a page of them belong to no department.
  for (const user of book.users.slice(10, 70)) user.department_ids = ['0']
  // One who is in several departments.
  const [one, other] = book.departments
  book.users[3]!.department_ids = [other!.open_department_id, one!.open_department_id]
  const close = async () => {
    await tokens[Symbol.asyncDispose]()
    await simulator.close()
  }
  return { simulator, handle, book, close, open: () => lark({ fetch: handle.fetch, tenant: 'acme' }) }
}

function recordsOf({ departments, users }: LarkPeople): SyncRecord[] {
  const owner = (id: string | undefined) => (id && id !== '0' ? { ownerId: id } : {})
  const filled = (fields: object) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
  return [
    ...departments.flatMap(department => {
      const { open_department_id: id, name, parent_department_id: parent, leader_user_id: leader, ...rest } = department
      const element = { id, type: 'department', name, ...owner(parent), attributes: filled(rest) }
      return [element, ...(leader ? [{ from: leader, type: 'leads', to: id }] : [])]
    }),
    ...users.flatMap(({ open_id: id, name, department_ids: ids, leader_user_id: leader, ...rest }) => [
      { id, type: 'user', name, ...owner(ids[0]), attributes: filled(rest) },
      ...ids.filter(to => to !== '0').map(to => ({ from: id, type: 'member', to })),
      ...(leader ? [{ from: id, type: 'reports_to', to: leader }] : []),
    ]),
  ] as SyncRecord[]
}

sourceContract(test, 'lark', {
  make: async () => {
    const { open, handle, book, close } = await scene()
    const secrets = [app.appSecret, await handle.get()]
    return { source: open(), reopen: open, records: recordsOf(book), secrets, close }
  },
})

let closing: (() => Promise<void>) | undefined
afterEach(async () => {
  await closing?.()
  closing = undefined
})

test('departments, users, owners and members come into a target, and what changed with the next run', async () => {
  const { open, book, close } = await scene(60)
  closing = close
  const target = new MemoryTarget({ batch: 40 })
  const sync = createSync({ name: 'contacts', source: open(), target, clock: new InstantClock() })
  const all = recordsOf(book)
  expect(await sync.run()).toMatchObject({ total: all.length, inserted: all.length, failed: 0 })
  const user = book.users[3]!
  const ofUser = [...target.tables.relations.values()].filter(
    ({ from, type }) => from === user.open_id && type === 'member',
  )
  expect(ofUser.map(({ to }) => to).sort()).toEqual([...user.department_ids].sort())
  expect(target.tables.elements.get(user.open_id)).toMatchObject({ type: 'user', ownerId: user.department_ids[0] })

  const left = book.users.splice(5, 1)[0]!
  user.job_title = 'Director'
  expect(await sync.run(), 'one reading alone proves no absence').toMatchObject({ updated: 1, deleted: 0 })
  await sync.run()
  expect(target.tables.elements.has(left.open_id)).toBe(false)
  expect(target.tables.elements.size).toBe(book.departments.length + book.users.length)
  await sync.close()
})

test('limits, failures and a token that is rejected in the middle are passed', async () => {
  const { open, simulator, handle, book, close } = await scene()
  closing = close
  const target = new MemoryTarget({ batch: 40 })
  const sync = createSync({ name: 'contacts', source: open(), target, clock: new InstantClock() })
  let requests = 0
  const paths = ['/open-apis/contact']
  simulator.faults.set({
    paths,
    rate429: 0.15,
    failureRate: 0.15,
    respond: () => {
      if (++requests === 5) simulator.revoke(handle.peek()!)
      return undefined
    },
  })
  expect(await sync.run()).toMatchObject({ inserted: recordsOf(book).length, failed: 0 })
  expect(requests).toBeGreaterThan(10)
  await sync.close()
})

const listing = async (source: ReturnType<typeof lark>, after?: string) => {
  const { signal } = new AbortController()
  const positions: string[] = []
  for await (const { position } of source.read({ after, filter: {}, pageRecords: 50, pageBytes: 2 ** 20, signal }))
    positions.push(position)
  return positions
}

test('a page token that has expired, or a department that is gone, begins a new reading', async () => {
  const { open, simulator, book, close } = await scene()
  closing = close
  const answer = (code: number, status: number) => {
    simulator.faults.set({ paths: ['/open-apis/contact'], respond: () => ({ status, body: { code, msg: 'no' } }) })
  }
  const withToken = (await listing(open())).find(position => position.includes('token'))!
  const expired = JSON.stringify({ ...JSON.parse(withToken), token: 'long-forgotten' })
  await expect(listing(open(), expired)).rejects.toMatchObject({ code: 'position_lost' })
  answer(99992402, 400)
  await expect(listing(open())).rejects.toMatchObject({ code: 'source_failed', retryable: false })
  answer(99991400, 400)
  await expect(listing(open())).rejects.toMatchObject({ code: 'source_failed', retryable: true })
  simulator.faults.clear()
  simulator.faults.set({
    respond: ({ path }) => {
      if (path.includes('find_by_department')) book.departments.length = 0
      return undefined
    },
  })
  await expect(listing(open())).rejects.toMatchObject({ code: 'position_lost' })
})

test('what a reply lacks is no empty list', async () => {
  const { open, simulator, close } = await scene()
  closing = close
  for (const body of [{}, { code: 0 }, { code: 0, data: {} }, { code: 0, data: { items: {}, has_more: false } }, []]) {
    simulator.faults.set({ paths: ['/open-apis/contact'], respond: () => ({ body }) })
    await expect(listing(open()), JSON.stringify(body)).rejects.toMatchObject({ code: 'source_failed' })
  }
})
