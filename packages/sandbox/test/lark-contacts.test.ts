import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LarkPeople, type LarkSimulator, startLarkSimulator } from '../src/index.ts'
import { AUTH, CONTACTS, get, type LarkReply, post } from './lark-request.ts'

const apps = [{ appId: 'cli_acme', appSecret: 's', tenants: ['acme'] }]
const children = `${CONTACTS}/departments/0/children`
let lark: LarkSimulator
let token: string

beforeAll(async () => {
  lark = await startLarkSimulator({ apps, people: { departments: 9, users: 45 } })
  const { body } = await post(lark, `${AUTH}/tenant_access_token/internal`, { app_id: 'cli_acme', app_secret: 's' })
  token = body.tenant_access_token
})

afterAll(() => lark.close())

async function everyPage(path: string, query: Record<string, string>): Promise<Record<string, unknown>[]> {
  const items = []
  for (let page_token: string | undefined = ''; page_token !== undefined; ) {
    const reply: LarkReply = await get(lark, `${path}?${new URLSearchParams({ ...query, page_token })}`, token)
    const { data } = reply.body
    expect(data.items).not.toEqual([])
    items.push(...data.items)
    page_token = data.page_token
    expect(data.has_more).toBe(page_token !== undefined)
  }
  return items
}

describe('tokens at the API', () => {
  test.each([
    ['no token', undefined, 99991661],
    ['a token that was never issued', `t-${'0'.repeat(40)}`, 99991663],
    ['an app token that was never issued', `a-${'0'.repeat(40)}`, 99991664],
    ['a token that is none of Lark', 'eyJhbGciOiJub25lIn0', 99991671],
  ])('%s is rejected with HTTP 400 and its own code', async (_, value, code) => {
    const reply = await get(lark, children, value)
    expect([reply.status, reply.body.code]).toEqual([400, code])
  })

  test('rejections come with the HTTP status that was asked for', async () => {
    await using other = await startLarkSimulator({ apps, rejectionStatus: 200 })
    const reply = await get(other, children, 't-nothing')
    expect([reply.status, reply.body.code]).toEqual([200, 99991663])
  })
})

describe('paging', () => {
  test('pages of any size give every department below the root once, in order', async () => {
    const expected = lark.people('acme').departments.filter(({ parent_department_id }) => parent_department_id === '0')
    expect(expected.length).toBeGreaterThan(3)
    for (const page_size of ['1', '3', '50']) expect(await everyPage(children, { page_size })).toEqual(expected)
  })

  test('fetch_child gives the whole tree, each department once', async () => {
    const all = await everyPage(children, { page_size: '4', fetch_child: 'true' })
    const byId = (one: { open_department_id?: unknown }) => String(one.open_department_id)
    expect(all.map(byId).toSorted()).toEqual(lark.people('acme').departments.map(byId).toSorted())
  })

  test('the people of all departments and of the root together are everybody, once', async () => {
    const emails: unknown[] = []
    for (const department_id of ['0', ...lark.people('acme').departments.map(one => one.open_department_id)]) {
      const members = await everyPage(`${CONTACTS}/users/find_by_department`, { department_id, page_size: '2' })
      emails.push(...members.map(user => user.email))
    }
    expect(emails.toSorted()).toEqual(
      lark
        .people('acme')
        .users.map(user => user.email)
        .toSorted(),
    )
  })

  test('ten to a page where no size is named', async () => {
    await using big = await startLarkSimulator({ apps, people: { departments: 0, users: 11 } })
    const login = { app_id: 'cli_acme', app_secret: 's' }
    const own = (await post(big, `${AUTH}/tenant_access_token/internal`, login)).body.tenant_access_token
    expect(big.people('acme').users).toHaveLength(11)
    const { data } = (await get(big, `${CONTACTS}/users`, own)).body
    expect([data.items.length, data.has_more]).toEqual([10, true])
  })

  test.each([
    ['a page size over 50', 'page_size=51', 'page_size'],
    ['a page size of none', 'page_size=0', 'page_size'],
    ['a page size in words', 'page_size=ten', 'page_size'],
    ['a made-up page token', 'page_token=MTA', 'page_token'],
  ])('%s is refused by name', async (_, query, field) => {
    const reply = await get(lark, `${children}?${query}`, token)
    expect([reply.status, reply.body.code, reply.body.error.field_violations[0]?.field]).toEqual([400, 99992402, field])
  })

  test('a page token of one query is refused by another', async () => {
    const { data } = (await get(lark, `${children}?page_size=1`, token)).body
    const other = `${children}?page_size=1&fetch_child=true&page_token=${data.page_token}`
    expect((await get(lark, other, token)).body.code).toBe(99992402)
  })
})

describe('ids', () => {
  test('departments and people are named by the kind of id that was asked for', async () => {
    const { departments, users } = lark.people('acme')
    const { department_id } = departments.find(one =>
      users.some(user => user.department_ids.includes(one.open_department_id)),
    )!
    const query = new URLSearchParams({ department_id, department_id_type: 'department_id', user_id_type: 'user_id' })
    const [user] = (await get(lark, `${CONTACTS}/users/find_by_department?${query}`, token)).body.data.items
    expect(user?.department_ids).toEqual([department_id])
    expect(users.map(one => one.user_id)).toContain(user?.leader_user_id)
  })

  test('an unknown department is no empty list but a refusal', async () => {
    const reply = await get(lark, `${CONTACTS}/departments/od-nowhere/children`, token)
    expect([reply.status, reply.body.code]).toEqual([403, 40004])
  })

  test('find_by_department wants a department', async () => {
    const reply = await get(lark, `${CONTACTS}/users/find_by_department`, token)
    expect(reply.body.error.field_violations[0]?.field).toBe('department_id')
  })
})

test('what is changed in the address book shows at the API from then on', async () => {
  await using own = await startLarkSimulator({ apps, people: { departments: 1, users: 3 } })
  const login = { app_id: 'cli_acme', app_secret: 's' }
  const ownToken = (await post(own, `${AUTH}/tenant_access_token/internal`, login)).body.tenant_access_token
  const { departments, users } = own.people('acme')
  departments[0]!.name = 'Renamed'
  users.pop()
  const { data } = (await get(own, children, ownToken)).body
  expect(data.items[0]?.name).toBe('Renamed')
  const ids = ['0', departments[0]!.open_department_id]
  const members = await Promise.all(
    ids.map(id => get(own, `${CONTACTS}/users/find_by_department?department_id=${id}`, ownToken)),
  )
  expect(members.flatMap(({ body }) => body.data.items ?? [])).toHaveLength(2)
})

test('the same seed gives the same people, another seed or tenant gives others', async () => {
  const two = [...apps, { appId: 'cli_globex', appSecret: 's', tenants: ['globex'] }]
  await using again = await startLarkSimulator({ apps: two, people: { departments: 9, users: 45 } })
  await using other = await startLarkSimulator({ apps, people: { departments: 9, users: 45 }, seed: 2 })
  expect(again.people('acme')).toEqual(lark.people('acme'))
  const namesOf = ({ users }: LarkPeople) => users.map(user => user.name)
  expect(namesOf(other.people('acme'))).not.toEqual(namesOf(lark.people('acme')))
  expect(again.people('globex').users[0]?.open_id).not.toBe(again.people('acme').users[0]?.open_id)
  expect(() => lark.people('nowhere')).toThrow('No app lives in the tenant nowhere')
})
