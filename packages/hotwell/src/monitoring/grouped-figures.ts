import type { DimensionFigures } from './performance-snapshot.ts'

/** Of accounts there is no end, and of whatever else is told by hand. */
const mostKept = 1000

interface Sums {
  total: number
  successful: number
  durationSeconds: number
  maxDurationSeconds: number
}

/** Once there are many, whoever was used last is at the end of a map. */
interface Group {
  readonly sums: Sums
  readonly members: Map<string, Sums>
}

/**
 * Outcomes by group and by member of a group. Maps within maps, because to join two names into a key for every outcome
 * costs more than all the rest.
 */
export class GroupedFigures {
  readonly #groups = new Map<string, Group>()
  #members = 0
  /** Members that were given up because there were too many. */
  forgotten = 0

  record(name: string, member: string | undefined, success: boolean, seconds: number): void {
    const group = used(this.#groups, name, this.#groups.size, newGroup)
    add(group.sums, success, seconds)
    if (this.#groups.size > mostKept) this.#forgetGroup()
    if (member === undefined) return
    const before = group.members.size
    add(used(group.members, member, this.#members, newSums), success, seconds)
    if (group.members.size === before) return
    this.#members++
    if (this.#members > mostKept) this.#forgetMember()
  }

  groups(): Record<string, DimensionFigures> {
    return Object.fromEntries([...this.#groups].map(([name, { sums }]) => [name, figuresOf(sums)]))
  }

  /** By `group/member`. */
  members(): Record<string, DimensionFigures> {
    const entries = [...this.#groups].flatMap(([name, { members }]) =>
      [...members].map(([member, sums]): [string, DimensionFigures] => [`${name}/${member}`, figuresOf(sums)]),
    )
    return Object.fromEntries(entries)
  }

  reset(): void {
    this.#groups.clear()
    this.#members = this.forgotten = 0
  }

  #forgetGroup(): void {
    const [name, { members }] = this.#groups.entries().next().value!
    this.#groups.delete(name)
    this.#members -= members.size
    this.forgotten += members.size
  }

  /** Of the group with the most, the one used longest ago. */
  #forgetMember(): void {
    let largest: Group | undefined
    for (const group of this.#groups.values())
      if (!largest || group.members.size > largest.members.size) largest = group
    largest!.members.delete(largest!.members.keys().next().value!)
    this.#members--
    this.forgotten++
  }
}

/** To move an entry costs more than to count in it, and who was used longest ago matters only where there are many. */
function used<Value>(map: Map<string, Value>, name: string, many: number, make: () => Value): Value {
  const known = map.get(name)
  const value = known ?? make()
  if (known && many > mostKept / 2) map.delete(name)
  if (!known || many > mostKept / 2) map.set(name, value)
  return value
}

function newGroup(): Group {
  return { sums: newSums(), members: new Map() }
}

function newSums(): Sums {
  return { total: 0, successful: 0, durationSeconds: 0, maxDurationSeconds: 0 }
}

function add(sums: Sums, success: boolean, seconds: number): void {
  sums.total++
  if (success) sums.successful++
  sums.durationSeconds += seconds
  if (seconds > sums.maxDurationSeconds) sums.maxDurationSeconds = seconds
}

function figuresOf({ total, successful, durationSeconds, maxDurationSeconds }: Sums): DimensionFigures {
  return {
    total,
    successful,
    failed: total - successful,
    successRate: successful / total,
    avgDurationSeconds: durationSeconds / total,
    maxDurationSeconds,
  }
}
