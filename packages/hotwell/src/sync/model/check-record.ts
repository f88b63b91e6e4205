import type { AttributeChange, Element, JsonValue, Relation, SyncRecord } from './record.ts'

/** Ids and types of relations are names, not texts. In bytes of UTF-8. */
export const longestIdBytes = 1024

/** A day, or a day and a time, which is UTC unless it says otherwise. */
const isoInstant = /^((?:\d{4}|[+-]\d{6})-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/
/** In ms since 1970, as far as JavaScript's dates go. */
const latestInstant = 8.64e15

/** Why a record cannot be taken; the record is at fault. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
  /** Its id, where that is readable. */
  readonly id: string | undefined

  constructor(message: string, id?: string) {
    super(message)
    this.id = id
  }
}

/**
 * Makes a record of what a source yields: unknown fields are dropped, `null` is absent, instants may be ISO 8601, in UTC
 * where they name no offset.
 * @throws RecordError
 */
export function checkRecord(given: unknown): SyncRecord {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new RecordError(`A record is an object, not ${kindOf(given)}.`)
  const fields = given as Record<string, unknown>
  const kind = recordKind(fields)
  if (kind === 'relation') return relation(fields)
  return kind === 'attributes' ? attributeChange(fields) : element(fields)
}

/** What a record is, going by the fields it has. */
export function recordKind(fields: Readonly<Record<string, unknown>>): 'element' | 'attributes' | 'relation' {
  if (present(fields.from) || present(fields.to)) return 'relation'
  return present(fields.element) ? 'attributes' : 'element'
}

/** The relation that a record names, whatever else it says; undefined where that cannot be told. */
export function namedRelation(fields: Readonly<Record<string, unknown>>): Omit<Relation, 'deleted'> | undefined {
  try {
    const { from, type, to } = relation({ ...fields, deleted: undefined })
    return { from, type, to }
  } catch {
    return undefined
  }
}

function element(fields: Record<string, unknown>): Element {
  const id = name('id', fields.id)
  const checked: { -readonly [Name in keyof Element]: Element[Name] } = {
    id,
    type: text('type', fields.type, id),
    name: text('name', fields.name, id),
    attributes: attributesOf(fields.attributes, id, false) as Element['attributes'],
  }
  // Millions of them: spreading what is there into a literal would take twice as long.
  if (present(fields.ownerId)) checked.ownerId = name('ownerId', fields.ownerId, id)
  if (present(fields.modifiedAt)) checked.modifiedAt = instant(fields.modifiedAt, id)
  if (flag(fields.deleted, id)) checked.deleted = true
  return checked
}

function attributeChange(fields: Record<string, unknown>): AttributeChange {
  const element = name('element', fields.element)
  return {
    element,
    attributes: attributesOf(fields.attributes, element, true),
    ...(present(fields.modifiedAt) && { modifiedAt: instant(fields.modifiedAt, element) }),
  }
}

function relation(fields: Record<string, unknown>): Relation {
  const from = name('from', fields.from)
  return {
    from,
    type: name('type', fields.type, from),
    to: name('to', fields.to, from),
    ...(flag(fields.deleted, from) && { deleted: true }),
  }
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null
}

function name(field: string, value: unknown, id?: string): string {
  // Some sources number their records.
  const given = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof given !== 'string') throw new RecordError(`Its ${field} is ${kindOf(value)}; it has to be a text.`, id)
  if (given === '') throw new RecordError(`Its ${field} is empty.`, id)
  storable(field, given, id)
  if (given.length > longestIdBytes / 3 && Buffer.byteLength(given) > longestIdBytes)
    throw new RecordError(`Its ${field} is longer than ${longestIdBytes} bytes.`, id)
  return given
}

function text(field: string, value: unknown, id: string): string {
  if (!present(value)) return ''
  if (typeof value !== 'string') throw new RecordError(`Its ${field} is ${kindOf(value)}; it has to be a text.`, id)
  storable(field, value, id)
  return value
}

/** PostgreSQL keeps no NUL; half a surrogate pair has no UTF-8, so two of them would become the same. */
function storable(field: string, value: string, id: string | undefined): void {
  if (value.includes('\0')) throw new RecordError(`Its ${field} contains a NUL character.`, id)
  if (!value.isWellFormed()) throw new RecordError(`Its ${field} is no well-formed Unicode.`, id)
}

function attributesOf(value: unknown, id: string, withNulls: boolean): Record<string, JsonValue> {
  if (!present(value)) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw new RecordError(`Its attributes are ${kindOf(value)}; they have to be an object.`, id)
  const given = value as Record<string, JsonValue>
  if (withNulls || !hasNull(given)) return given
  return Object.fromEntries(Object.entries(given).filter(([, field]) => present(field)))
}

function hasNull(fields: Record<string, unknown>): boolean {
  for (const name in fields) if (!present(fields[name])) return true
  return false
}

function instant(value: unknown, id: string): number {
  const at = typeof value === 'string' ? parsed(value) : value instanceof Date ? value.getTime() : value
  // Databases keep different fractions of it.
  if (typeof at === 'number' && Math.abs(at) <= latestInstant) return Math.floor(at)
  throw new RecordError('Its modifiedAt is no instant: milliseconds since 1970, or ISO 8601.', id)
}

/** `Date.parse` finds dates in nearly any text, and takes one without an offset for the time where the machine stands. */
function parsed(text: string): number {
  const [, day, time, offset = 'Z'] = isoInstant.exec(text) ?? []
  if (time === undefined) return Date.parse(day ?? '')
  return Date.parse(`${day}T${time}${offset.length === 3 ? `${offset}:00` : offset}`)
}

function flag(value: unknown, id: string): boolean {
  if (!present(value) || value === false) return false
  if (value === true) return true
  throw new RecordError(`Its deleted is ${kindOf(value)}; it has to be true or false.`, id)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'missing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
