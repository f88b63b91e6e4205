import type { RecordMapping, SyncFilter, SyncRecord } from 'hotwell/sync'
import { prepare } from '../../../packages/hotwell/src/sync/engine/prepare.ts'
import { compileFilter } from '../../../packages/hotwell/src/sync/model/filter.ts'
import { interleavedSamples } from '../harness/interleave.ts'
import { plantElement } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import type { Loop } from '../harness/variant.ts'

const rounds = 41
const count = 2000
const maxRecordBytes = 8 * 1024 * 1024
const none = 'no filter'

const idAt = (number: number) => plantElement(number).id
const modifiedAt = (number: number) => plantElement(number).modifiedAt!
const most = { name: 'all kinds at once' }

/** Each lets two thirds or more of the elements pass, so that what is dropped early does not make it look cheap. */
const filters: Readonly<Record<string, SyncFilter>> = {
  [none]: {},
  'types in': { types: ['pump', 'valve'] },
  'types out': { typesExcept: ['tank'] },
  'id range': { fromId: idAt(100), toId: idAt(1800) },
  'attributes in: 3 of 7': { attributes: ['medium', 'serial', 'status'] },
  'attributes out: 4 of 7': {
    attributesExcept: ['designPressure', 'designTemperature', 'manufacturer', 'material'],
  },
  'modified after': { modifiedFromAt: modifiedAt(200) },
  'modified before': { modifiedToAt: modifiedAt(1800) },
  [most.name]: {
    types: ['pump', 'valve'],
    typesExcept: ['motor'],
    fromId: idAt(100),
    toId: idAt(1800),
    attributes: ['medium', 'serial', 'status'],
    attributesExcept: ['material'],
    modifiedFromAt: modifiedAt(200),
    modifiedToAt: modifiedAt(1700),
  },
}
const map: RecordMapping = record => ('id' in record ? { ...record, name: record.name.toUpperCase() } : record)

/** What each filter costs a record on its way from source to batch: check, filter, map, measure. */
export async function syncFilters(): Promise<BenchmarkResult> {
  const records = Array.from({ length: count }, (_, number) => plantElement(number))
  const loops = new Map<string, Loop>()
  const passed = new Map<string, number>()
  for (const [name, filter] of Object.entries(filters)) loops.set(name, loopOf(records, filter))
  loops.set('a mapping (no filter)', loopOf(records, {}, map))
  for (const [name, loop] of loops) {
    const share = (await loop(1)) / count
    passed.set(name, share)
    if (name === none ? share !== 1 : !(share > 0.4)) throw new Error(`The filter "${name}" lets ${share} pass.`)
  }
  const samples = await interleavedSamples(loops, {
    rounds,
    sampleMs: 5,
    callsPerPass: count,
    onRound: round => round % 10 === 1 && progress(`round ${round} of ${rounds}`),
  })
  const ratio = (name: string) => median(samples.get(name)!.map((ns, round) => ns / samples.get(none)![round]!))
  const ofOne = Object.keys(filters).filter(name => name !== none && name !== most.name)
  const isCopying = (name: string) => name.startsWith('attributes')
  return {
    name: 'sync-filters',
    figures: Array.from(samples, ([name, ns]) => {
      const share = `${Math.round(100 * passed.get(name)!)} % pass`
      const peer = name === none ? share : `${ratio(name).toFixed(2)} × none, ${share}`
      return figure(name, median(ns), 'ns/record', { samples: ns, peer, ...limitOf(name) })
    }),
    goals: [
      ...ofOne.map(name => atMost(`${name} ÷ ${none}`, ratio(name), isCopying(name) ? mostCopying : mostLooking)),
      atMost(`${most.name} ÷ ${none}`, ratio(most.name), mostCopying),
    ],
  }

  function limitOf(name: string) {
    if (name === most.name || isCopying(name)) return { limit: `≤ ${mostCopying} × none` }
    return ofOne.includes(name) ? { limit: `≤ ${mostLooking} × none` } : {}
  }
}

/** A look at a field or two; the record stays as it is. */
const mostLooking = 2
/** The attributes that are left are an object of their own. */
const mostCopying = 4

function loopOf(records: readonly SyncRecord[], filter: SyncFilter, mapping?: RecordMapping): Loop {
  const options = { filter: compileFilter(filter), maxRecordBytes, ...(mapping && { map: mapping }) }
  return async passes => {
    let taken = 0
    for (let pass = 0; pass < passes; pass++)
      for (const record of records) if ('record' in prepare(record, options)) taken++
    return taken
  }
}
