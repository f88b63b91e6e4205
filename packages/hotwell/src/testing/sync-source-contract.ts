import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { isHotwellError } from '../core/errors.ts'
import { canonicalJson } from '../sync/model/canonical-json.ts'
import { checkRecord } from '../sync/model/check-record.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import { compileFilter, type SyncFilter } from '../sync/model/filter.ts'
import { type Element, isAttributeChange, isRelation, type SyncRecord } from '../sync/model/record.ts'
import type { ReadRequest, Source, SourcePage } from '../sync/source.ts'
import type { RegisterTest } from './provider-contract.ts'

/** One source with what it reads, made anew for each test of the contract. */
export interface SourceSubject {
  source: Source
  /**
   * All that it has: records as it yields them, in any order. The more kinds, types, owners and planes of Unicode among
   * the ids the better; two elements at least.
   */
  records: readonly SyncRecord[]
  /** Another source object on the same: as after a restart. Not needed where cursors are of a session. */
  reopen?(): Source
  /** What must never show in identity, positions or errors. */
  secrets?: readonly string[]
  close?(): Promise<void> | void
}

/**
 * What a sync relies on in every source, as tests. Register it for a source of one's own:
 * `sourceContract(test, 'crm', { make: async () => ({ source, records }) })`.
 */
export function sourceContract(
  test: RegisterTest,
  name: string,
  { make }: { make: () => Promise<SourceSubject> },
): void {
  const promise = (promised: string, body: (subject: SourceSubject) => Promise<void>) =>
    test(`${name}: ${promised}`, async () => {
      const subject = await make()
      assert.ok(subject.records.filter(isElement).length >= 2, 'the contract needs two elements at least')
      try {
        await body(subject)
      } finally {
        await subject.source.close?.()
        await subject.close?.()
      }
    })

  promise('its identity is always the same, and neither it nor a position holds a secret', async subject => {
    const { source, reopen, secrets = [] } = subject
    assert.notEqual(source.name, '')
    assert.notEqual(source.identity, '')
    const again = reopen?.()
    if (again) assert.equal(again.identity, source.identity)
    await again?.close?.()
    const shown = [source.identity, inspect(source), ...(await read(source)).map(({ position }) => position)]
    for (const secret of secrets)
      for (const text of shown) assert.ok(!text.includes(secret), `a secret shows in ${text.slice(0, 40)}…`)
  })

  promise('everything comes once, however large the pages are to be', async ({ source, records }) => {
    for (const pageRecords of [1, 3, 1000]) {
      const pages = await read(source, { pageRecords })
      assert.deepEqual(texts(recordsOf(pages)), texts(records))
      for (const { position } of pages) assert.ok(position.length < 65_536, 'a position is below 64 kB')
    }
  })

  promise('the same pages come again, also when two read at once', async ({ source }) => {
    const first = await read(source)
    assert.deepEqual(await Promise.all([read(source), read(source)]), [first, first])
  })

  promise('behind every position comes what came behind it before', async ({ source, reopen }) => {
    const isDurable = source.cursors === 'durable'
    if (isDurable) assert.ok(reopen, 'cursors that are durable are tried with another source object: reopen()')
    const pages = await read(source)
    for (const [index, { position }] of pages.entries()) {
      const other = isDurable ? reopen!() : source
      assert.deepEqual(await read(other, { after: position }), pages.slice(index + 1))
      if (other !== source) await other.close?.()
    }
  })

  promise('a position that it never made is lost, and nothing else', async ({ source }) => {
    for (const after of ['', 'nonsense', '{}', '[]', 'null', '17', '{"after":null}'])
      await assert.rejects(read(source, { after }), error => isHotwellError(error, 'position_lost'), after)
  })

  promise('the share that was read only grows, up to the whole', async ({ source }) => {
    const shares = (await read(source)).flatMap(({ share }) => share ?? [])
    assert.deepEqual(
      shares.toSorted((one, other) => one - other),
      shares,
    )
    for (const share of shares) assert.ok(share >= 0 && share <= 1, `a share of ${share}`)
  })

  promise('elements come in the order that it declares', async ({ source }) => {
    if (source.order !== 'id-bytes') return
    const ids = recordsOf(await read(source))
      .filter(isElement)
      .map(({ id }) => id)
    for (let at = 1; at < ids.length; at++)
      assert.ok(compareIds(ids[at - 1]!, ids[at]!) < 0, `${ids[at - 1]} comes before ${ids[at]}`)
  })

  promise('whatever it applies of a filter, nothing that is asked for is missing', async ({ source, records }) => {
    for (const filter of filtersFor(records)) {
      const pages = await read(source, { filter })
      assert.deepEqual(texts(filtered(recordsOf(pages), filter)), texts(filtered(records, filter)), inspect(filter))
      for (const [index, { position }] of pages.entries())
        assert.deepEqual(await read(source, { filter, after: position }), pages.slice(index + 1), inspect(filter))
    }
  })

  promise('it ends when it is told to, with the reason it was given', async ({ source }) => {
    const reason = new Error('enough')
    await assert.rejects(read(source, { signal: AbortSignal.abort(reason) }), error => error === reason)
    const ending = new AbortController()
    const some: SourcePage[] = []
    const reading = async () => {
      for await (const page of source.read({ ...wanted, pageRecords: 1, signal: ending.signal })) {
        some.push(page)
        ending.abort(reason)
      }
    }
    await assert.rejects(reading(), error => error === reason)
    assert.equal(some.length, 1)
  })

  promise('who stops reading leaves nothing behind', async ({ source, records }) => {
    for await (const page of source.read({ ...wanted, pageRecords: 1 })) if (page) break
    assert.deepEqual(texts(recordsOf(await read(source))), texts(records))
    await source.close?.()
    await source.close?.()
  })

  promise('get: those that are there, and nothing else', async ({ source, records }) => {
    if (!source.get) return
    const { signal } = new AbortController()
    const elements = merged(records)
    const ids = elements.map(({ id }) => id)
    const strange = ['no such id', "it's", '%', 'a/../b', '?&#', '\u{1f600}\u{1f600}']
    const found = await source.get([...strange, ...ids, ids[0]!], { signal })
    const unique = new Map(found.map(given => checkRecord(given) as Element).map(element => [element.id, element]))
    assert.deepEqual(texts([...unique.values()]), texts(elements))
    assert.deepEqual(await source.get([], { signal }), [])
    assert.deepEqual(await source.get(strange, { signal }), [])
    const one = await source.get([ids[1]!], { signal })
    assert.deepEqual(texts(one.map(checkRecord)), texts([elements[1]!]))
    const reason = new Error('enough')
    await assert.rejects(source.get(ids, { signal: AbortSignal.abort(reason) }), error => error === reason)
  })

  promise('subtree: an element and what it owns, as many levels down as asked for', async ({ source, records }) => {
    if (!source.subtree) return
    const elements = merged(records)
    for (const root of [...elements.map(({ id }) => id), 'no such id'])
      for (const depth of [1, 2, Number.POSITIVE_INFINITY]) {
        const found = recordsOf(await collect(source.subtree(root, depth, { signal: new AbortController().signal })))
        const expected = ownedBy(elements, root, depth)
        assert.deepEqual(texts(merged(found)), texts(expected), `${depth} levels below ${root}`)
        const ids = new Set(expected.map(({ id }) => id))
        for (const record of found) if (isRelation(record)) assert.ok(ids.has(record.from), 'a relation of others')
      }
  })
}

const wanted: ReadRequest = {
  filter: {},
  pageRecords: 2,
  pageBytes: 1024 * 1024,
  signal: new AbortController().signal,
}

function read(source: Source, request: Partial<ReadRequest> = {}): Promise<SourcePage[]> {
  return collect(source.read({ ...wanted, ...request }))
}

async function collect(pages: AsyncIterable<SourcePage>): Promise<SourcePage[]> {
  const all: SourcePage[] = []
  for await (const page of pages) {
    assert.deepEqual(page.unreadable ?? [], [], 'everything is readable')
    all.push(page)
  }
  return all
}

function recordsOf(pages: readonly SourcePage[]): SyncRecord[] {
  return pages.flatMap(({ records }) => records.map(checkRecord))
}

function isElement(record: SyncRecord): record is Element {
  return !isRelation(record) && !isAttributeChange(record)
}

function texts(records: readonly SyncRecord[]): string[] {
  return records.map(record => canonicalJson(checkRecord(record))).sort()
}

/** Elements with all that was said of their attributes. */
function merged(records: readonly SyncRecord[]): Element[] {
  const elements = new Map<string, Element>()
  for (const record of records) {
    if (isElement(record)) elements.set(record.id, record)
    else if (isAttributeChange(record) && elements.has(record.element)) {
      const element = elements.get(record.element)!
      const attributes = { ...element.attributes, ...record.attributes } as Element['attributes']
      elements.set(record.element, checkRecord({ ...element, attributes }) as Element)
    }
  }
  return [...elements.values()].filter(({ deleted }) => !deleted)
}

function filtersFor(records: readonly SyncRecord[]): SyncFilter[] {
  const elements = records.filter(isElement)
  const ids = elements.map(({ id }) => id).sort(compareIds)
  const middle = ids[ids.length >> 1]!
  const types = [elements[0]!.type]
  const times = elements.flatMap(({ modifiedAt }) => modifiedAt ?? []).sort((one, other) => one - other)
  const at = times[times.length >> 1]
  const byTime: SyncFilter[] = at === undefined ? [] : [{ modifiedFromAt: at }, { modifiedToAt: at }]
  const name = Object.keys(elements[0]!.attributes)[0] ?? 'nothing'
  const byValue: SyncFilter[] = [{ attributes: [name] }, { attributesExcept: [name] }]
  const byId: SyncFilter[] = [{ fromId: middle }, { toId: middle }, { fromId: ids[0]!, toId: ids[1]! }]
  const byType: SyncFilter[] = [{ types }, { typesExcept: types }, { types: [] }, { types: ["it's"] }]
  return [...byType, ...byId, ...byTime, ...byValue, { types, fromId: middle, ...byTime[0] }]
}

function filtered(records: readonly SyncRecord[], filter: SyncFilter): SyncRecord[] {
  const { takes, takesId } = compileFilter(filter)
  return records.filter(record => {
    if (isRelation(record)) return takesId(record.from)
    return isAttributeChange(record) ? takesId(record.element) : takes(record)
  })
}

function ownedBy(elements: readonly Element[], root: string, depth: number): Element[] {
  const found = new Set(elements.filter(({ id }) => id === root))
  for (let level = 0, size = 0; level < depth && found.size > size; level++) {
    size = found.size
    const owners = new Set([...found].map(({ id }) => id))
    for (const element of elements) if (element.ownerId !== undefined && owners.has(element.ownerId)) found.add(element)
  }
  return [...found]
}
