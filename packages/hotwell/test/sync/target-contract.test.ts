import { test } from 'vitest'
import type { ElementRow } from '../../src/sync/model/rows.ts'
import { targetContract } from '../../src/testing/sync-target-contract.ts'
import { exportSubject, memorySubject, postgresSubject, sqliteSubject } from './contract-subjects.ts'
import { postgresScene } from './postgres-scene.ts'
import { temporaryFolder } from './sources/temporary-folder.ts'

// Nobody cuts its power here, and tables are made for each clause.
const scene = postgresScene({ settings: ['fsync=off'] })
const pathOf = temporaryFolder()

// No type that the column takes: the one thing that SQLite refuses for what a value is.
const withoutType = (row: ElementRow): ElementRow => ({ ...row, type: null as never })
const withNul = (row: ElementRow): ElementRow => ({ ...row, attributes: '{"value":"a\\u0000b"}' })

targetContract(test, 'memory', { make: async () => memorySubject() })
targetContract(test.concurrent, 'sqlite', {
  make: async () => sqliteSubject(pathOf('plant.db'), false),
  spoil: withoutType,
})
targetContract(test.concurrent, 'sqlite with a thread', {
  make: async () => sqliteSubject(pathOf('plant.db'), true),
  spoil: withoutType,
})
targetContract(test.concurrent, 'postgres', { make: async () => postgresSubject(scene), spoil: withNul })
targetContract(test, 'jsonl', {
  make: async () => exportSubject(pathOf('plant.jsonl')),
  compares: false,
  remembers: false,
  shares: false,
  showsAtOnce: false,
})
