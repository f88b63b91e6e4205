import { createSystemClock } from '../../src/core/clock.ts'
import { ensureKeyFile } from '../../src/core/key-file.ts'
import { keyOf } from '../../src/testing/token-store-harness.ts'
import { sqlite } from '../../src/tokens/stores/sqlite.ts'
import type { Claim, NewToken, TokenStore } from '../../src/tokens/token-store.ts'

/** What the tests of several processes start: `node store-process.ts MODE PATH …`. Tells its parent by messages. */
const [mode = '', path = '', ...rest] = process.argv.slice(2)
const clock = createSystemClock()
const holder = `process ${process.pid}`
const tell = (message: unknown) => process.send!(message)

function newToken(value: string): NewToken {
  const issuedAt = clock.now()
  return { value, tokenType: 'Bearer', issuedAt, expiresAt: issuedAt + 600_000, lifeMs: 600_000 }
}

/** Brings one token after the other, or waits until another process has. */
async function contend(store: TokenStore, rounds: number, ttlMs: number): Promise<void> {
  const told = new Map<string, () => void>()
  const end = store.watch(({ id }) => told.get(id)?.(), { urgent: true })
  for (let round = 0; round < rounds; round++) {
    const key = keyOf(`shared/client?scope=${round}`)
    for (;;) {
      const result = await store.claim(key, { holder, ttlMs, seenGeneration: 0 })
      if (result.status === 'newer') break
      if (result.status === 'claimed') {
        tell({ acquired: round })
        await new Promise(resolve => setTimeout(resolve, 5))
        await store.commit(result.claim, newToken(`token of ${holder} in round ${round}`))
      } else if (result.status === 'busy') {
        const lapse = new Promise(resolve => setTimeout(resolve, result.lapsesInMs))
        await Promise.race([lapse, new Promise<void>(resolve => told.set(key.id, resolve))])
      }
    }
  }
  end()
}

/** Claims and waits to be told to commit. */
async function hold(store: TokenStore, ref: string, ttlMs: number): Promise<void> {
  const result = await store.claim(keyOf(ref), { holder, ttlMs, seenGeneration: 0 })
  tell(result)
  if (result.status !== 'claimed') return
  const commit = (claim: Claim) => store.commit(claim, newToken(`late token of ${holder}`))
  await new Promise<void>(resolve => process.once('message', () => resolve()))
  tell(await commit(result.claim))
}

if (mode === 'key') tell(await ensureKeyFile(path))
else {
  const store = sqlite({ path, clock })
  if (mode === 'contend') await contend(store, Number(rest[0]), Number(rest[1]))
  if (mode === 'hold') await hold(store, rest[0]!, Number(rest[1]))
  await store.close()
}
process.disconnect()
