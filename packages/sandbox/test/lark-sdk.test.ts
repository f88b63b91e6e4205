import * as sdk from '@larksuiteoapi/node-sdk'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LarkSimulator, startLarkSimulator } from '../src/index.ts'
import { AUTH, CONTACTS } from './lark-request.ts'

/** Lark's own client knows nothing of this project: what it can read, real programs can. */
let lark: LarkSimulator

beforeEach(async () => {
  lark = await startLarkSimulator({
    apps: [
      { appId: 'cli_acme', appSecret: 'acme-secret', tenants: ['acme'] },
      { appId: 'cli_market', appSecret: 'market-secret', tenants: ['globex', 'initech'], type: 'marketplace' },
    ],
    people: { departments: 11, users: 60 },
  })
})

afterEach(() => lark.close())

/** Its own cache is shared by the whole process, so each client here gets one of its own. */
function memoryCache(): sdk.Cache {
  const values = new Map<unknown, unknown>()
  return { get: async key => values.get(key), set: async (key, value) => Boolean(values.set(key, value)) }
}

// A level of its own would do, were its lowest one, 0, not taken for none.
const silent = { error() {}, warn() {}, info() {}, debug() {}, trace() {} }

function clientFor(
  appId: string,
  appSecret: string,
  options: { appType?: sdk.AppType; cache?: sdk.Cache } = {},
): sdk.Client {
  const cache = memoryCache()
  return new sdk.Client({ appId, appSecret, domain: lark.url, logger: silent, cache, ...options })
}

async function flattened<T>(pages: AsyncIterable<{ items?: T[] } | null>): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...(page?.items ?? []))
  return items
}

test('it logs in and lists departments and people, page by page, with one token', async () => {
  const client = clientFor('cli_acme', 'acme-secret')
  const departments = await flattened(
    await client.contact.v3.department.childrenWithIterator({
      path: { department_id: '0' },
      params: { page_size: 2, fetch_child: true },
    }),
  )
  const expected = lark.people('acme')
  expect(departments.map(one => one.name).toSorted()).toEqual(expected.departments.map(one => one.name).toSorted())

  const names: string[] = []
  for (const department_id of ['0', ...departments.map(one => one.open_department_id!)]) {
    const params = { department_id, page_size: 3 }
    const members = await flattened(await client.contact.v3.user.findByDepartmentWithIterator({ params }))
    names.push(...members.map(user => `${user.name} ${user.email}`))
  }
  expect(names.toSorted()).toEqual(expected.users.map(user => `${user.name} ${user.email}`).toSorted())
  expect(lark.requests.byPath[`${AUTH}/tenant_access_token/internal`]).toBe(1)
  expect(lark.requests.byPath[`${CONTACTS}/departments/:department_id/children`]).toBe(6)
  expect(lark.requests.byStatus).toEqual({ 200: lark.requests.total })
})

test('its plain calls get the envelope that they are typed for', async () => {
  const client = clientFor('cli_acme', 'acme-secret')
  const { code, msg, data } = await client.contact.v3.user.list({ params: { page_size: 4 } })
  expect([code, msg, data?.items?.length, data?.has_more]).toEqual([0, 'success', 4, true])
})

test('as a marketplace app it goes from ticket to app token to the tenant it names', async () => {
  const cache = memoryCache()
  const client = clientFor('cli_market', 'market-secret', { appType: sdk.AppType.ISV, cache })
  await cache.set(sdk.CAppTicket, lark.issueTicket('cli_market'))
  for (const tenant of ['globex', 'initech']) {
    const params = { page_size: 1 }
    const { data } = await client.contact.v3.user.list({ params }, sdk.withTenantKey(tenant))
    expect(data?.items?.[0]?.email).toMatch(`@${tenant}.example`)
  }
})

test("it sees a wrong secret as a failure with Lark's code and words", async () => {
  const client = clientFor('cli_acme', 'wrong')
  await expect(client.contact.v3.user.list({ params: {} })).rejects.toThrow(/10014.*app secret invalid/)
})

test("it sees a revoked token as a rejection with Lark's code", async () => {
  const client = clientFor('cli_acme', 'acme-secret')
  const token = (await client.tokenManager.getTenantAccessToken())!
  expect((await client.contact.v3.user.list({ params: {} })).code).toBe(0)
  lark.revoke(token)
  const rejection = client.contact.v3.user.list({ params: {} })
  await expect(rejection).rejects.toMatchObject({ response: { status: 400, data: { code: 99991663 } } })
})

test('it sees being refused as too many, and when to come back', async () => {
  const client = clientFor('cli_acme', 'acme-secret')
  lark.faults.set({ rate429: 1, retryAfterSeconds: 7 })
  await expect(client.tokenManager.getTenantAccessToken()).rejects.toMatchObject({
    response: { status: 429, data: { code: 99991400 }, headers: { 'x-ogw-ratelimit-reset': '7' } },
  })
})
