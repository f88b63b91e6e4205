import { compareIds } from './compare-ids.ts'
import type { AttributeValue } from './record.ts'

/** Which elements a sync is about, and which of their attributes. What is left out does not matter. */
export interface SyncFilter {
  /** Only elements of these types. */
  readonly types?: readonly string[]
  /** No elements of these types. */
  readonly typesExcept?: readonly string[]
  /** Only ids from this one on, it included; in the order of their UTF-8. */
  readonly fromId?: string
  /** Only ids before this one. */
  readonly toId?: string
  /** Only these attributes. */
  readonly attributes?: readonly string[]
  /** None of these attributes. */
  readonly attributesExcept?: readonly string[]
  /** Only elements modified then or later; wall clock, ms. One that does not say when counts as modified. */
  readonly modifiedFromAt?: number
  /** Only elements modified before that; wall clock, ms. */
  readonly modifiedToAt?: number
}

/** What is known of an element, also of one that is only known from the target. */
export interface FilteredParts {
  readonly id: string
  readonly type: string
  readonly modifiedAt?: number | null
}

export interface CompiledFilter {
  /** Whether it lets everything pass. */
  readonly isOpen: boolean
  readonly takes: (element: FilteredParts) => boolean
  /** Whether an element with that id may pass. */
  readonly takesId: (id: string) => boolean
  readonly attributes: <Values extends Readonly<Record<string, AttributeValue | null>>>(attributes: Values) => Values
}

/** The filter, ready for millions of records. */
export function compileFilter(filter: SyncFilter = {}): CompiledFilter {
  const { fromId, toId, modifiedFromAt, modifiedToAt } = filter
  const types = filter.types && new Set(filter.types)
  const typesExcept = filter.typesExcept && new Set(filter.typesExcept)
  const only = filter.attributes && new Set(filter.attributes)
  const except = filter.attributesExcept && new Set(filter.attributesExcept)
  const takesId = (id: string) =>
    (fromId === undefined || compareIds(id, fromId) >= 0) && (toId === undefined || compareIds(id, toId) < 0)
  const takes = ({ id, type, modifiedAt }: FilteredParts) => {
    if (types && !types.has(type)) return false
    if (typesExcept?.has(type)) return false
    if (typeof modifiedAt === 'number') {
      if (modifiedFromAt !== undefined && modifiedAt < modifiedFromAt) return false
      if (modifiedToAt !== undefined && modifiedAt >= modifiedToAt) return false
    }
    return takesId(id)
  }
  const kept = (name: string) => (!only || only.has(name)) && !except?.has(name)
  return {
    isOpen: Object.values(filter).every(value => value === undefined),
    takes,
    takesId,
    attributes: attributes => {
      if (!only && !except) return attributes
      const entries = Object.entries(attributes).filter(([name]) => kept(name))
      return Object.fromEntries(entries) as typeof attributes
    },
  }
}
