import type { ElementRow } from '../model/rows.ts'
import type { OwnContent, OwnerLink } from '../target.ts'
import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

/** Beyond that going through all is faster. */
const fewOwners = 1000

interface StoredElement {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly owner_id: string | null
  readonly attributes: string
  readonly modified_at: number | null
  readonly hash: string
  readonly origin: string
}

/** An element as it lies there. */
export interface KeptElement extends Omit<ElementRow, 'bytes'> {
  readonly origin: string
}

/** What a sync reads of the elements, and deletes; writing them is what databases differ in. */
export class Elements {
  readonly #connection: SqlConnection
  readonly #table: string
  readonly #sync: string
  readonly #columns: string

  constructor(connection: SqlConnection, { elements }: SqlTables, sync: string) {
    const { json, milliseconds } = connection.dialect
    this.#columns = `id, type, name, owner_id, ${json('attributes')} as attributes,
      ${milliseconds('modified_at')} as modified_at, hash, origin`
    this.#connection = connection
    this.#table = elements
    this.#sync = sync
  }

  /** Those of the given that are there, whosesoever they are. */
  async find(ids: readonly string[]): Promise<KeptElement[]> {
    const { all, dialect } = this.#connection
    const rows = await all<StoredElement>(
      `select ${this.#columns} from ${this.#table} where id in (select given.value->>0 from ${dialect.given})`,
      [listOf(ids)],
    )
    return rows.map(keptOf)
  }

  /** Own ones, in the order of their ids. */
  async own(
    { after, through }: { after?: string | undefined; through?: string | undefined },
    limit: number,
  ): Promise<{ id: string; type: string; modifiedAt: number | null; hash: string }[]> {
    const { all, dialect } = this.#connection
    const rows = await all<Pick<StoredElement, 'id' | 'type' | 'modified_at' | 'hash'>>(
      `select id, type, ${dialect.milliseconds('modified_at')} as modified_at, hash from ${this.#table}
        where origin = ? and id > ?${through === undefined ? '' : ' and id <= ?'} order by id limit ?`,
      [this.#sync, after ?? '', ...(through === undefined ? [] : [through]), limit],
    )
    return rows.map(({ modified_at, ...row }) => ({
      ...row,
      modifiedAt: modified_at === null ? null : Number(modified_at),
    }))
  }

  /** Own ones with all that lies there, in the order of their ids. */
  async contents(after: string | undefined, limit: number): Promise<OwnContent[]> {
    const rows = await this.#connection.all<StoredElement>(
      `select ${this.#columns} from ${this.#table} where origin = ? and id > ? order by id limit ?`,
      [this.#sync, after ?? '', limit],
    )
    return rows.map(keptOf)
  }

  /** Of own ones; then they are the same as nothing that is given. */
  async forgetHashes(ids: readonly string[]): Promise<void> {
    const { run, dialect } = this.#connection
    await run(
      `update ${this.#table} set hash = '' where origin = ? and id in (select given.value->>0 from ${dialect.given})`,
      [this.#sync, listOf(ids)],
    )
  }

  /** Ids that are named as owners, each with its own. */
  async ownerLinks(after: string | undefined, limit: number): Promise<OwnerLink[]> {
    // Few own many mostly: then going from one to the next is faster than going through all that is owned.
    const few = Math.min(limit, fewOwners)
    const found = await this.#ownersOf(
      `with recursive next (id) as (
          select (select min(owner_id) from ${this.#table} where owner_id > ?) as id
          union all select (select min(owner_id) from ${this.#table} where owner_id > next.id) from next
            where next.id is not null)
        select id from next where id is not null limit ?`,
      [after ?? '', few],
    )
    return found.length < few || few === limit ? found : this.ownerLinksByScan(after, limit)
  }

  /** The same, going through all rows, or all of an index. */
  ownerLinksByScan(after: string | undefined, limit: number): Promise<OwnerLink[]> {
    return this.#ownersOf(
      `select distinct owner_id as id from ${this.#table} where owner_id > ? order by owner_id limit ?`,
      [after ?? '', limit],
    )
  }

  async #ownersOf(owners: string, values: readonly (string | number)[]): Promise<OwnerLink[]> {
    const rows = await this.#connection.all<{ id: string; owner_id: string | null }>(
      `select owner.id, one.owner_id from (${owners}) as owner
        left join ${this.#table} as one on one.id = owner.id and one.origin = ? order by owner.id`,
      [...values, this.#sync],
    )
    return rows.map(({ id, owner_id }) => ({ id, ownerId: owner_id }))
  }

  /** Whosesoever; the index alone tells. */
  async countIn({ after, through }: { after?: string | undefined; through?: string | undefined }): Promise<number> {
    const [row] = await this.#connection.all<{ count: number }>(
      `select count(*) as count from ${this.#table} where id > ?${through === undefined ? '' : ' and id <= ?'}`,
      [after ?? '', ...(through === undefined ? [] : [through])],
    )
    return Number(row!.count)
  }

  /** Own ones; their relations are dealt with before. */
  delete(ids: readonly string[]): Promise<number> {
    const { run, dialect } = this.#connection
    return run(`delete from ${this.#table} where origin = ? and id in (select given.value->>0 from ${dialect.given})`, [
      this.#sync,
      listOf(ids),
    ])
  }

  async count(): Promise<number> {
    const [row] = await this.#connection.all<{ count: number }>(
      `select count(*) as count from ${this.#table} where origin = ?`,
      [this.#sync],
    )
    return Number(row!.count)
  }
}

function keptOf({ owner_id, modified_at, ...row }: StoredElement): KeptElement {
  return { ...row, ownerId: owner_id, modifiedAt: modified_at === null ? null : Number(modified_at) }
}

function listOf(ids: readonly string[]): string {
  return JSON.stringify(ids.map(id => [id]))
}
