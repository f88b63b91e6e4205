import { hash } from 'node:crypto'
import { seededRandom } from '../seeded-random.ts'

export interface LarkDepartment {
  name: string
  department_id: string
  open_department_id: string
  /** Open id of the department above; '0' is the root. */
  parent_department_id: string
  leader_user_id: string
  order: string
  member_count: number
  status: { is_deleted: boolean }
}

export interface LarkUser {
  union_id: string
  user_id: string
  open_id: string
  name: string
  en_name: string
  email: string
  mobile: string
  job_title: string
  employee_no: string
  /** Open ids of the departments that the person belongs to; '0' is the root. */
  department_ids: string[]
  leader_user_id: string
  status: { is_frozen: boolean; is_resigned: boolean; is_activated: boolean }
}

/** The address book of one tenant. What is changed in it, the API shows from then on. */
export interface LarkPeople {
  departments: LarkDepartment[]
  users: LarkUser[]
}

export interface LarkPeopleOptions {
  /** Departments in each tenant. @default 12 */
  departments?: number
  /** People in each tenant. @default 80 */
  users?: number
}

const SURNAMES = [
  '王 Wang',
  '李 Li',
  '张 Zhang',
  '刘 Liu',
  '陈 Chen',
  '杨 Yang',
  '赵 Zhao',
  '黄 Huang',
  '周 Zhou',
  '吴 Wu',
]
const GIVEN_NAMES = [
  '伟 Wei',
  '芳 Fang',
  '娜 Na',
  '敏 Min',
  '静 Jing',
  '强 Qiang',
  '磊 Lei',
  '洋 Yang',
  '艳 Yan',
  '杰 Jie',
]
const DEPARTMENTS = ['Engineering', 'Sales', '市场部', 'Finance', '人力资源部', 'Operations', 'Support', '法务部']
const TITLES = ['Engineer', 'Manager', '分析师', 'Designer', '顾问']

/** The same seed and tenant always give the same people. */
export function generatePeople(
  seed: number,
  tenant: string,
  { departments: departmentCount = 12, users: userCount = 80 }: LarkPeopleOptions = {},
): LarkPeople {
  const random = seededRandom(`${seed}/${tenant}`)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const idOf = (what: string, index: number) => hash('sha256', `${seed}/${tenant}/${what}/${index}`, 'hex').slice(0, 32)
  const departmentId = (index: number) => `od-${idOf('department', index)}`
  const userId = (index: number) => `ou_${idOf('user', index)}`

  const departments = Array.from(
    { length: departmentCount },
    (_, index): LarkDepartment => ({
      name: `${DEPARTMENTS[index % DEPARTMENTS.length]} ${index + 1}`,
      department_id: `D${String(index + 1).padStart(3, '0')}`,
      open_department_id: departmentId(index),
      parent_department_id: index < 4 ? '0' : departmentId(Math.floor(random() * index)),
      leader_user_id: userCount > 0 ? userId(index % userCount) : '',
      order: String((index + 1) * 100),
      member_count: 0,
      status: { is_deleted: false },
    }),
  )
  const users = Array.from({ length: userCount }, (_, index): LarkUser => {
    const [surname, enSurname] = pick(SURNAMES).split(' ') as [string, string]
    const [given, enGiven] = pick(GIVEN_NAMES).split(' ') as [string, string]
    // Every tenth person reports to nobody but the company itself.
    const department = index % 10 === 0 || departmentCount === 0 ? undefined : pick(departments)
    if (department) department.member_count++
    return {
      union_id: `on_${idOf('union', index)}`,
      user_id: idOf('id', index).slice(0, 8),
      open_id: userId(index),
      name: surname + given,
      en_name: `${enGiven} ${enSurname}`,
      email: `${enGiven}.${enSurname}.${index}@${encodeURIComponent(tenant)}.example`.toLowerCase(),
      mobile: `+861${String(3_000_000_000 + Math.floor(random() * 999_999_999))}`,
      job_title: pick(TITLES),
      employee_no: String(1000 + index),
      department_ids: [department?.open_department_id ?? '0'],
      leader_user_id: department?.leader_user_id ?? '',
      status: { is_frozen: false, is_resigned: false, is_activated: true },
    }
  })
  return { departments, users }
}
