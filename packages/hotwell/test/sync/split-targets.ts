import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { canonicalJson } from '../../src/sync/model/canonical-json.ts'
import type { Target } from '../../src/sync/target.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import type { postgresScene } from './postgres-scene.ts'

/** A target, and all that readers ever see of its elements from some moment on. */
export interface WatchedTarget {
  readonly target: Target
  /** The id and attributes of each element that is there. */
  rows(): Promise<string[]>
  /** Somebody else deletes an element. */
  remove(id: string): Promise<void>
  /** Forgets what was written, and remembers it from now on. */
  watch(): Promise<void>
  /** The id and attributes of each row that was written since, in order; of one that was deleted, its id. */
  written(): Promise<string[]>
  /** Ids of elements that are known to be split. */
  split(): Promise<string[]>
  close(): Promise<void>
}

export function memoryTarget(lanes: number): WatchedTarget {
  const target = new MemoryTarget({ lanes })
  const { elements, split } = target.tables
  const log: string[] = []
  const { set, delete: remove } = elements
  elements.set = (id, row) => {
    log.push(`${id} ${row.attributes}`)
    return set.call(elements, id, row)
  }
  elements.delete = id => {
    log.push(id)
    return remove.call(elements, id)
  }
  return {
    target,
    rows: async () => [...elements.values()].map(({ id, attributes }) => `${id} ${attributes}`).sort(),
    remove: async id => void elements.delete(id),
    watch: async () => void log.splice(0),
    written: async () => [...log],
    split: async () => [...split.values()].map(({ id }) => id).sort(),
    close: async () => {},
  }
}

export function sqliteTarget(thread: boolean): WatchedTarget {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-split-'))
  const path = join(folder, 'plant.db')
  let file: DatabaseSync | undefined
  const texts = (statement: string) => {
    file ??= new DatabaseSync(path, { timeout: 5000 })
    return (file.prepare(statement).all() as { text: string }[]).map(({ text }) => text)
  }
  return {
    target: sqlite(path, { thread }),
    rows: async () => texts(`select id || ' ' || attributes as text from elements order by id`),
    remove: async id => void texts(`delete from elements where id = '${id}' returning id as text`),
    async watch() {
      texts('select 1 as text')
      file!.exec('create table if not exists written (text)')
      for (const what of ['insert', 'update'])
        file!.exec(`create trigger if not exists on_${what} after ${what} on elements begin
          insert into written values (new.id || ' ' || new.attributes); end`)
      file!.exec(`create trigger if not exists on_delete after delete on elements begin
        insert into written values (old.id); end; delete from written`)
    },
    written: async () => texts('select text from written order by rowid'),
    split: async () => texts('select id as text from hotwell_split order by id'),
    async close() {
      file?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function postgresTarget(scene: ReturnType<typeof postgresScene>, lanes: number): WatchedTarget {
  const prefix = scene.prefix()
  const log = `${prefix}written`
  return {
    target: postgres({ pool: scene.pool, prefix, lanes }),
    async rows() {
      const rows = await scene.rows<{ id: string; attributes: unknown }>(`select id, attributes from ${prefix}elements`)
      return rows.map(({ id, attributes }) => `${id} ${canonicalJson(attributes)}`).sort()
    },
    remove: async id => void (await scene.rows(`delete from ${prefix}elements where id = $1`, [id])),
    async watch() {
      await scene.rows(`create table if not exists ${log} (number serial, id text, attributes jsonb)`)
      await scene.rows(`create or replace function ${log}() returns trigger language plpgsql as $$ begin
        if tg_op = 'DELETE' then insert into ${log} (id) values (old.id);
        else insert into ${log} (id, attributes) values (new.id, new.attributes); end if;
        return null; end $$`)
      await scene.rows(`create or replace trigger written after insert or update or delete on ${prefix}elements
        for each row execute function ${log}()`)
      await scene.rows(`delete from ${log}`)
    },
    async written() {
      const rows = await scene.rows<{ id: string; attributes: unknown }>(`select * from ${log} order by number`)
      return rows.map(({ id, attributes }) => (attributes ? `${id} ${canonicalJson(attributes)}` : id))
    },
    async split() {
      const rows = await scene.rows<{ id: string }>(`select id from ${prefix}hotwell_split`)
      return rows.map(({ id }) => id).sort()
    },
    async close() {
      await scene.drop(prefix)
      await scene.rows(`drop table if exists ${log}`)
      await scene.rows(`drop function if exists ${log}`)
    },
  }
}
