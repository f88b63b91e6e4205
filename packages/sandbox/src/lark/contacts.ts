import type { RawReply } from '../raw-reply.ts'
import { larkCodes, larkError } from './codes.ts'
import { fieldInvalid, pageOf } from './page.ts'
import type { LarkDepartment, LarkPeople, LarkUser } from './people.ts'

const ROOT = '0'

/** `null` where the path is none of the contacts API. */
export type ContactsRoute = {
  template: string
  answer: (people: LarkPeople, query: URLSearchParams) => RawReply
} | null

/** A slice of https://open.feishu.cn/document/server-docs/contact-v3: departments below one, people in one, both paged. */
export function contactsRoute(path: string): ContactsRoute {
  const [, parent] = /^\/open-apis\/contact\/v3\/departments\/([^/]+)\/children$/.exec(path) ?? []
  if (parent !== undefined) {
    return {
      template: '/open-apis/contact/v3/departments/:department_id/children',
      answer: (people, query) => listDepartments(people, decode(parent), query),
    }
  }
  if (path === '/open-apis/contact/v3/users/find_by_department') {
    return { template: path, answer: (people, query) => listUsers(people, query.get('department_id'), query) }
  }
  if (path === '/open-apis/contact/v3/users') {
    return { template: path, answer: (people, query) => listUsers(people, query.get('department_id') || ROOT, query) }
  }
  return null
}

function listDepartments(people: LarkPeople, parent: string, query: URLSearchParams): RawReply {
  const above = openDepartmentId(people, parent, query)
  if (above === undefined) return noSuchDepartment()
  const below = childrenOf(people, above, query.get('fetch_child') === 'true')
  return pageOf(below, query, department => withDepartmentIds(people, department, query))
}

function listUsers(people: LarkPeople, department: string | null, query: URLSearchParams): RawReply {
  if (!department) return fieldInvalid('department_id')
  const openId = openDepartmentId(people, department, query)
  if (openId === undefined) return noSuchDepartment()
  const members = people.users.filter(user => user.department_ids.includes(openId))
  return pageOf(members, query, user => withUserIds(people, user, query))
}

function childrenOf(people: LarkPeople, above: string, deep: boolean): LarkDepartment[] {
  const direct = people.departments.filter(department => department.parent_department_id === above)
  return deep ? direct.flatMap(child => [child, ...childrenOf(people, child.open_department_id, true)]) : direct
}

/** Callers name departments by `department_id_type`; inside, all are known by their open id. */
function openDepartmentId(people: LarkPeople, id: string, query: URLSearchParams): string | undefined {
  if (id === ROOT) return ROOT
  const field = query.get('department_id_type') === 'department_id' ? 'department_id' : 'open_department_id'
  return people.departments.find(department => department[field] === id)?.open_department_id
}

function withDepartmentIds(people: LarkPeople, department: LarkDepartment, query: URLSearchParams): LarkDepartment {
  const parent_department_id = shownDepartmentId(people, department.parent_department_id, query)
  return { ...department, parent_department_id, leader_user_id: shownUserId(people, department.leader_user_id, query) }
}

function withUserIds(people: LarkPeople, user: LarkUser, query: URLSearchParams): LarkUser {
  const department_ids = user.department_ids.map(id => shownDepartmentId(people, id, query))
  return { ...user, department_ids, leader_user_id: shownUserId(people, user.leader_user_id, query) }
}

function shownDepartmentId(people: LarkPeople, openId: string, query: URLSearchParams): string {
  if (openId === ROOT || query.get('department_id_type') !== 'department_id') return openId
  return people.departments.find(department => department.open_department_id === openId)!.department_id
}

function shownUserId(people: LarkPeople, openId: string, query: URLSearchParams): string {
  const type = query.get('user_id_type')
  if (type !== 'user_id' && type !== 'union_id') return openId
  return people.users.find(user => user.open_id === openId)?.[type] ?? ''
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function noSuchDepartment(): RawReply {
  return larkError(403, larkCodes.noDepartmentAuthority, 'no dept authority error')
}
