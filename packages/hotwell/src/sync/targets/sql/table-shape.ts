import { HotwellError } from '../../../core/errors.ts'

/** A column that rows are written into. */
export interface NeededColumn {
  /** The one to ask for. */
  readonly type: string
  /** Whether a column of this type holds each value as it is. */
  readonly takes: (type: string) => boolean
  readonly isId?: boolean
  readonly mayBeNull?: boolean
}

/** A column that is there. */
export interface FoundColumn {
  readonly name: string
  readonly type: string
  readonly isByBytes: boolean
  readonly isNotNull: boolean
  /** By a default, a number of its own, or being generated. */
  readonly fillsItself: boolean
}

/** Of what is wrong. */
const mostTold = 5

/** `bytewise`: how an id's column is to be declared. */
export function wrongWithColumns(
  table: string,
  needed: Readonly<Record<string, NeededColumn>>,
  found: readonly FoundColumn[],
  bytewise: string,
): string[] {
  const names = new Set(found.map(({ name }) => name))
  const missing = Object.entries(needed).filter(([name]) => !names.has(name))
  return [
    ...missing.map(([name, { type }]) => `${table}.${name} is missing, and has to be ${type}`),
    ...found.flatMap(column => wrongWith(`${table}.${column.name}`, needed[column.name], column, bytewise) ?? []),
  ]
}

/** @throws HotwellError `invalid_configuration`, if something is wrong */
export function refuseShape(wrong: readonly string[]): void {
  if (wrong.length === 0) return
  const told = wrong.slice(0, mostTold).join('; ')
  const more = wrong.length > mostTold ? `; and ${wrong.length - mostTold} more` : ''
  throw new HotwellError(
    'invalid_configuration',
    `Nothing can be written into these tables: ${told}${more}. Change them, or give the sync tables of its own by a prefix.`,
  )
}

function wrongWith(
  place: string,
  needed: NeededColumn | undefined,
  { type, isByBytes, isNotNull, fillsItself }: FoundColumn,
  bytewise: string,
): string | undefined {
  if (!needed) return isNotNull && !fillsItself ? `${place} is not null and has no default` : undefined
  if (!needed.takes(type)) return `${place} is ${type}, and has to be ${needed.type}`
  if (needed.isId && !isByBytes)
    return `ids are compared as bytes, and ${place} has another collation: make it ${bytewise}`
  return needed.mayBeNull && isNotNull ? `${place} is not null, and not every row has one` : undefined
}
