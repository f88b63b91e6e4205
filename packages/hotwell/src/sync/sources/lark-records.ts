/** A department or user, as Lark lists it. */
export type LarkItem = Readonly<Record<string, unknown>>

/** The root is nobody's department, and no element. */
const root = '0'
const departmentFields = new Set(['open_department_id', 'name', 'parent_department_id', 'leader_user_id'])
const userFields = new Set(['open_id', 'name', 'department_ids', 'leader_user_id'])

/** The department, and who leads it. https://open.feishu.cn/document/server-docs/contact-v3/department/children */
export function departmentRecords(item: LarkItem): unknown[] {
  const { open_department_id: id, name, parent_department_id: parent, leader_user_id: leader } = item
  const element = { id, type: 'department', name, ...owner(parent), attributes: rest(item, departmentFields) }
  return [element, ...(leader ? [{ from: leader, type: 'leads', to: id }] : [])]
}

/** The user, and their departments. https://open.feishu.cn/document/server-docs/contact-v3/user/find_by_department */
export function userRecords(item: LarkItem): unknown[] {
  const { open_id: id, name, department_ids: departments, leader_user_id: leader } = item
  const ids: unknown[] = Array.isArray(departments) ? departments : []
  const element = { id, type: 'user', name, ...owner(mainOf(item) ?? ids[0]), attributes: rest(item, userFields) }
  return [
    element,
    ...ids.filter(department => department !== root).map(to => ({ from: id, type: 'member', to })),
    ...(leader ? [{ from: id, type: 'reports_to', to: leader }] : []),
  ]
}

function owner(id: unknown): { ownerId?: unknown } {
  return id && id !== root ? { ownerId: id } : {}
}

function mainOf({ orders }: LarkItem): unknown {
  if (!Array.isArray(orders)) return undefined
  return orders.find(order => order?.is_primary_dept === true)?.department_id
}

/** What is empty is absent. */
function rest(item: LarkItem, named: ReadonlySet<string>): Record<string, unknown> {
  const kept = Object.entries(item).filter(([name, value]) => !named.has(name) && value !== '' && value !== null)
  return Object.fromEntries(kept)
}
