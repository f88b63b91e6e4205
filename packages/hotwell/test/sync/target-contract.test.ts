import { test } from 'vitest'
import { targetContract } from '../../src/testing/sync-target-contract.ts'
import { exportSubject, memorySubject, postgresSubject, sqliteSubject } from './contract-subjects.ts'
import { postgresScene } from './postgres-scene.ts'
import { temporaryFolder } from './sources/temporary-folder.ts'

const scene = postgresScene()
const pathOf = temporaryFolder()

targetContract(test, 'memory', { make: async () => memorySubject() })
targetContract(test.concurrent, 'sqlite', { make: async () => sqliteSubject(pathOf('plant.db'), false) })
targetContract(test.concurrent, 'sqlite with a thread', { make: async () => sqliteSubject(pathOf('plant.db'), true) })
targetContract(test.concurrent, 'postgres', { make: async () => postgresSubject(scene) })
targetContract(test, 'jsonl', {
  make: async () => exportSubject(pathOf('plant.jsonl')),
  compares: false,
  remembers: false,
  shares: false,
  showsAtOnce: false,
})
