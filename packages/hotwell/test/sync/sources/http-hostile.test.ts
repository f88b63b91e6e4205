import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, test } from 'vitest'
import { createTokenManager } from '../../../src/index.ts'
import { createSync, type Source } from '../../../src/sync/index.ts'
import { http } from '../../../src/sync/sources/http.ts'
import type { HttpPaging } from '../../../src/sync/sources/http-paging.ts'
import { sqlite } from '../../../src/sync/targets/sqlite.ts'
import { InstantClock } from '../../../src/testing/instant-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { custom } from '../../../src/tokens/providers/custom.ts'
import { type ApiReply, type Item, PagedApi } from './paged-api.ts'
import { temporaryFolder } from './temporary-folder.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const pathOf = temporaryFolder()
const rowCount = 240
const pageRows = 20

/** How an API may lead from page to page; and where a page begins, going by what was asked for. */
const pagings = {
  offset: { paging: { kind: 'offset', parameter: 'at', total: 'total' }, begin: (at: number) => at },
  page: { paging: { kind: 'page', parameter: 'at', total: 'total' }, begin: (at: number) => (at - 1) * pageRows },
  'page-token': { paging: { kind: 'page-token', parameter: 'at', next: 'next' }, begin: (at: number) => at },
} as const satisfies Record<string, { paging: HttpPaging; begin(at: number): number }>

let closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  closing = []
})

interface Scene {
  /** @default 'offset' */
  by?: keyof typeof pagings
  /** With it, what was missed is asked for before it is deleted. */
  hasGet: boolean
  consistency?: Source['consistency']
  seed: number
  /** Rows that move while the next reading goes on. */
  movers?: (live: readonly Item[]) => Item[]
}

/**
 * An API whose rows move from pages that come to pages that have been, that repeats pages, cuts connections,
 * answers 429 and 500, and forgets its tokens; a token manager's handle; a sync into SQLite that notes every delete.
 */
async function scene({ by = 'offset', hasGet, consistency, seed, movers }: Scene) {
  const { paging, begin } = pagings[by]
  const random = new SeededRandom(seed)
  let values = 0
  const row = (id: string): Item => ({ id, type: 'pump', name: id, attributes: { value: ++values } })
  const api = await PagedApi.start(Array.from({ length: rowCount }, (_, id) => row(`e${1000 + id}`)))
  let good = ''
  let logins = 0
  const met = { repeated: 0, limited: 0, failed: 0, cut: 0, rejected: 0, moved: 0 }
  let isHostile = false
  let toMove: Item[] = []
  let former: ApiReply | undefined

  api.answer = (path, query, request) => {
    if (path === '/login') {
      good = `token-${++logins}`
      return { body: { token: good } }
    }
    if (request.headers.authorization !== `Bearer ${good}`) {
      met.rejected++
      return { status: 401 }
    }
    if (!isHostile) return path === '/rows' ? pageAt(query) : undefined
    const fate = random.next()
    if (fate < 0.06) return count('limited', { status: 429, headers: { 'retry-after': '2' } })
    if (fate < 0.12) return count('failed', { status: 500, body: '<html>sorry</html>' })
    if (fate < 0.18) return count('cut', { cut: true })
    if (path !== '/rows') return undefined
    const [mover] = toMove.splice(0, 1)
    if (mover) {
      // Whoever reads on has its new place behind already.
      api.items = [mover, ...api.items.filter(item => item !== mover)]
      met.moved++
    }
    if (fate < 0.24 && former) return count('repeated', former)
    // Once: after a rejection the manager asks for no other token within five seconds.
    if (offsetOf(query) === 5 * pageRows && logins === 1) good = 'forgotten'
    former = pageAt(query)
    return former
  }

  function offsetOf(query: URLSearchParams): number {
    const at = query.get('at')
    return at === null ? 0 : begin(Number(at))
  }

  function pageAt(query: URLSearchParams): ApiReply {
    const offset = offsetOf(query)
    const end = offset + pageRows
    const next = end < api.items.length ? String(end) : null
    return { body: { data: { items: api.items.slice(offset, end) }, total: api.items.length, next } }
  }

  function count(what: keyof typeof met, reply: ApiReply): ApiReply {
    met[what]++
    return reply
  }

  const acquire = async ({ signal }: { signal: AbortSignal }) => {
    const reply = await fetch(`${api.url}/login`, { method: 'POST', signal })
    return { value: ((await reply.json()) as { token: string }).token, expiresInSeconds: 3600 }
  }
  const court = custom({ kinds: ['client'], identity: 'court', baseUrls: [api.url], acquire })
  const tokens = createTokenManager({ providers: { court }, preheat: false })
  const path = pathOf('target.db')
  const source = http({
    fetch: tokens.token('court/client').fetch,
    url: '/rows',
    paging,
    items: 'data.items',
    consistency,
    ...(hasGet && { get: { url: '/items/{id}', item: 'item' } }),
  })
  const sync = createSync({ name: 'plant', source, target: sqlite(path), clock: new InstantClock() })
  await sync.run()
  const database = new DatabaseSync(path)
  database.exec(`create table removed (id text);
    create trigger noted after delete on elements begin insert into removed values (old.id); end`)
  closing.push(
    () => api.close(),
    async () => tokens[Symbol.asyncDispose](),
    () => sync.close(),
    async () => database.close(),
  )

  const all = (statement: string) => database.prepare(statement).all() as { id: string; value: string }[]
  return {
    met,
    sync,
    /** A run while everything happens; rows are changed, added and deleted before and move meanwhile. */
    async hostileRun() {
      const gone = random.pick(api.items)
      api.items = api.items.filter(item => item !== gone)
      api.items.splice(random.below(api.items.length), 0, row(`n${values}`))
      for (let changed = 0; changed < 5; changed++) {
        const at = random.below(api.items.length)
        api.items[at] = row(api.items[at]!.id)
      }
      toMove = movers?.(api.items) ?? api.items.slice(-30)
      isHostile = true
      former = undefined
      const stats = await sync.run()
      isHostile = false
      toMove = []
      return stats
    },
    /** Ids that were deleted at the target while the API has them. */
    wronged: () => {
      const live = new Set(api.items.map(({ id }) => id))
      return all('select id from removed').filter(({ id }) => live.has(id))
    },
    found: () =>
      all('select id, attributes as value from elements order by id').map(({ id, value }) => `${id} ${value}`),
    expected: () => api.items.map(({ id, attributes }) => `${id} ${JSON.stringify(attributes)}`).sort(),
  }
}

const seeds = Array.from({ length: long ? 40 : 3 }, (_, index) => index + 1)
const ways = (Object.keys(pagings) as (keyof typeof pagings)[]).flatMap(by => seeds.map(seed => ({ by, seed })))
for (const { by, seed } of ways)
  test(`pages by ${by}: rows move, pages repeat, tokens end, 429, 500, cuts: nothing live is ever deleted, and the first calm run is exact (${seed})`, async () => {
    const { hostileRun, wronged, found, expected, sync, met } = await scene({ by, hasGet: true, seed })
    const hasMetAll = () => Object.values(met).every(times => times > 0)
    // And more, until each of it has happened.
    for (let run = 0; run < 6 || (run < 30 && !hasMetAll()); run++) {
      expect(await hostileRun()).toMatchObject({ state: 'completed', failed: 0 })
      expect(wronged()).toEqual([])
    }
    expect(await sync.run()).toMatchObject({ state: 'completed', failed: 0 })
    expect(found()).toEqual(expected())
    expect(wronged()).toEqual([])
    for (const [what, times] of Object.entries(met)) expect(times, what).toBeGreaterThan(0)
  })

/** Each row moves in one of two runs that follow each other, so that no two readings in a row miss it for that. */
function inTurns(): (live: readonly Item[]) => Item[] {
  let run = 0
  return live => {
    run++
    return live.filter(({ id }) => Number(id.slice(1)) % 2 === run % 2).slice(-30)
  }
}

test('without get: rows that one reading alone has missed stay, and the second calm run is exact', async () => {
  const { hostileRun, wronged, found, expected, sync } = await scene({ hasGet: false, seed: 5, movers: inTurns() })
  for (let run = 0; run < 4; run++) {
    await hostileRun()
    expect(wronged()).toEqual([])
  }
  await sync.run()
  expect(wronged()).toEqual([])
  await sync.run()
  expect(found()).toEqual(expected())
  expect(wronged()).toEqual([])
})

test('control: were such a reading believed, rows that live would be deleted', async () => {
  const { hostileRun, wronged } = await scene({ hasGet: false, consistency: 'keyset', seed: 5, movers: inTurns() })
  await hostileRun()
  expect(wronged().length).toBeGreaterThan(0)
})
