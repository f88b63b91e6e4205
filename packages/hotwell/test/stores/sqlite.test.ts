import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { tokenStoreContract } from '../../src/testing/token-store-contract.ts'
import { sqlite } from '../../src/tokens/stores/sqlite.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
/** Thousands of durable commits: in memory where the machine has such a folder, because no power is cut here. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const encryptionKeys = Buffer.alloc(32, 7).toString('base64')

tokenStoreContract(
  test,
  async clock => {
    const folder = await mkdtemp(join(place, 'hotwell-store-'))
    return {
      connect: (own = clock) => sqlite({ path: join(folder, 'tokens.db'), encryptionKeys, clock: own }),
      dispose: () => rm(folder, { recursive: true }),
    }
  },
  { faults: long ? 2 : 1, runs: long ? 2000 : 40 },
)
