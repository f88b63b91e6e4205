import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { custom } from 'hotwell/providers/custom'
import { jsonl } from 'hotwell/sources/jsonl'
import { sqlite } from 'hotwell/targets/sqlite'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { planSyncs } from '../../src/config/plan-syncs.ts'
import { start, temporaryFolder } from '../start.ts'

const source = { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' }
const target = { use: 'hotwell/targets/sqlite', path: 'plant.db' }
const st = { use: 'hotwell/providers/static', tokens: { client: 'a' } }

async function planned(content: object) {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify(content))
  return planSyncs(await loadConfig({ cwd, environment: {} }), { cwd, environment: {} })
}

test.each<[object, RegExp]>([
  [{ plant: { target } }, /syncs\.plant\.source: has to be \{ use: 'hotwell\/sources/],
  [{ plant: { source } }, /syncs\.plant\.target: has to be \{ use: 'hotwell\/targets/],
  [{ Plant: { source, target } }, /syncs\.Plant: a sync is named/],
  [{ plant: { source, target, stategy: {} } }, /syncs\.plant\.stategy: .*did you mean strategy\?/],
  [{ plant: { source, target, strategy: { bachSize: 3 } } }, /strategy\.bachSize: .*did you mean batchSize\?/],
  [{ plant: { source, target, strategy: { mode: 'half' } } }, /syncs\.plant\.strategy\.mode: /],
  [{ plant: { source, target, strategy: { deleteGuard: { fraction: 2 } } } }, /strategy\.deleteGuard\.fraction: /],
  [{ plant: { source, target, filter: { type: ['a'] } } }, /syncs\.plant\.filter\.type: .*did you mean types\?/],
  [{ plant: { source, target, filter: { modifiedFromAt: 'then' } } }, /filter\.modifiedFromAt: has to be an instant/],
  [{ plant: { source, target, intervalSeconds: 0 } }, /syncs\.plant\.intervalSeconds: /],
  [{ plant: { source, target, tokens: ['crm/client'] } }, /syncs\.plant\.tokens\[0\]: there is no provider "crm"/],
  [
    { plant: { source: { ...source, use: 'hotwell/sources/jsonll' }, target } },
    /syncs\.plant\.source: .*(was not found|is not exported)/,
  ],
  [{ plant: { source: { ...source, maxLineMegabytes: 0 }, target } }, /syncs\.plant\.source: maxLineMegabytes is more/],
  [{ plant: { source, target: { ...target, prefix: 'A-' } } }, /syncs\.plant\.target: A prefix of tables is like/],
  [{ plant: { source: target, target } }, /syncs\.plant\.source: what is made of it is no source/],
  [{ plant: { source: { ...source, fetch: 'st/client' }, target } }, /source\.fetch: has to be \{ token: /],
  [{ plant: { source: { ...source, fetch: { token: 'sd/client' } }, target } }, /fetch\.token: .*did you mean st\?/],
])('%j is refused in words, also by the server', async (syncs, message) => {
  const content = { providers: { st }, syncs }
  await expect(planned(content)).rejects.toThrow(message)
  await expect(start(content as never)).rejects.toMatchObject({ code: 'invalid_configuration' })
})

const connectionString = 'postgresql://a@127.0.0.1/a'

test.each<[string, object]>([
  ['sources/jsonl', { path: 'a' }],
  ['sources/sqlite', { path: 'a' }],
  ['sources/postgres', { connectionString }],
  ['sources/http', { url: 'https://api.example/a', paging: { kind: 'none' } }],
  ['sources/lark', {}],
  ['targets/postgres', { connectionString }],
  ['targets/jsonl', { path: 'a' }],
  ['targets/sqlite', { path: 'a' }],
])('%s refuses an option that it does not know, and names those that it knows', async (name, options) => {
  const driver = { use: `hotwell/${name}`, ...options, prefx: 'x_' }
  const [field, plant] = name.startsWith('sources')
    ? ['source', { source: driver, target }]
    : ['target', { source, target: driver }]
  await expect(planned({ syncs: { plant } })).rejects.toThrow(
    new RegExp(`syncs\\.plant\\.${field}: .*does not know "prefx"; its options are [a-z]`),
  )
})

test('a token that its provider does not issue is refused', async () => {
  const plant = { source, target, tokens: ['st/tenant/x'] }
  await expect(start({ providers: { st }, syncs: { plant } })).rejects.toThrow(/syncs\.plant: .*issues no "tenant"/)
})

test('what cannot cross to a thread is refused where there is no file that the thread could read', async () => {
  const folder = await temporaryFolder()
  const live = { source: jsonl(join(folder, 'a.jsonl')), target: sqlite(join(folder, 'a.db')) }
  await expect(start({ syncs: { plant: live } })).rejects.toThrow(/syncs\.plant\.source: a value cannot cross .*file/)
  const own = custom({
    kinds: ['client'],
    acquire: async () => ({ value: 'a', expiresInSeconds: 60 }),
    attach: request => request,
  })
  const plant = { source, target, tokens: ['own/client'] }
  await expect(start({ providers: { own }, syncs: { plant } })).rejects.toThrow(
    /syncs\.plant\.tokens: .*"own" is a value/,
  )
})

test('instants of a filter are written as RFC 3339, and tokens and providers are those of the sync alone', async () => {
  const filter = { types: ['pump'], modifiedFromAt: '2026-01-31T12:00:00Z', modifiedToAt: '2026-02-01' }
  const [plan] = await planned({
    providers: { st, other: st },
    syncs: { plant: { source, target, filter, tokens: ['st/client'] } },
  })
  expect(plan).toMatchObject({ name: 'plant', refs: ['st/client'], providers: { st } })
  expect(Object.keys(plan!.providers)).toEqual(['st'])
  expect(plan!.sync?.filter).toEqual({
    types: ['pump'],
    modifiedFromAt: Date.UTC(2026, 0, 31, 12),
    modifiedToAt: Date.UTC(2026, 1, 1),
  })
  expect(plan).not.toHaveProperty('file')
})

test('a configuration in YAML is read as one in JSON', async () => {
  const cwd = await temporaryFolder()
  const yaml = `
syncs:
  plant:
    source: { use: hotwell/sources/jsonl, path: plant.jsonl }
    target: { use: hotwell/targets/sqlite, path: plant.db }
    strategy: { mode: incremental, deleteGuard: { minRecords: 0 } }
    filter: { typesExcept: [note], modifiedFromAt: 2026-01-31, modifiedToAt: 2026-02-01T00:00:00+08:00 }
    intervalSeconds: 3600
`
  await writeFile(join(cwd, 'hotwell.config.yaml'), yaml)
  const [plan] = await planSyncs(await loadConfig({ cwd, environment: {} }), { cwd, environment: {} })
  expect(plan).toMatchObject({ intervalSeconds: 3600, sync: { source, target, strategy: { mode: 'incremental' } } })
  expect(plan!.sync!.filter).toEqual({
    typesExcept: ['note'],
    modifiedFromAt: Date.UTC(2026, 0, 31),
    modifiedToAt: Date.UTC(2026, 0, 31, 16),
  })
})
