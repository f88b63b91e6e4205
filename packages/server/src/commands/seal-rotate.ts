import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TokenStore } from 'hotwell'
import { dataCommand, dataPlace } from './data-options.ts'
import { CommandFailure } from './exit-codes.ts'
import { print, printJson } from './output.ts'

interface Resealing {
  reseal(): Promise<Resealed>
}
interface Resealed {
  resealed: number
  unreadable: number
}

/** `hotwell seal rotate`: seals every stored token and password with the newest key. */
export const sealRotateCommand = () =>
  dataCommand('rotate')
    .summary('seal stored tokens and passwords with the newest key')
    .description(
      'Seals every stored token and every password of an account with the newest key, while servers go on running. Put ' +
        'the new key first in HOTWELL_ENCRYPTION_KEY, the old one behind it, and restart the servers; run this; then ' +
        'drop the old key.',
    )
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      `
Examples:
  $ HOTWELL_ENCRYPTION_KEY="$NEW,$OLD" hotwell seal rotate
  $ HOTWELL_ENCRYPTION_KEY="$NEW,$(cat data/tokens.key)" hotwell seal rotate    away from the key file`,
    )
    .action(async ({ json, ...place }) => {
      const { loaded, dataDir } = await dataPlace(place)
      const { folder, config } = loaded
      const { buildStore, sealingKeys } = await import('../build-store.ts')
      const tokens = await resealTokens(await buildStore(config.store, { dataDir, folder, environment: process.env }))
      const accounts = await resealAccounts(join(dataDir, 'accounts.db'), sealingKeys(config.store, process.env))
      if (tokens === undefined && accounts === undefined) {
        throw new CommandFailure('This store does not seal tokens, so there is nothing to rotate.')
      }
      const { resealed = 0, unreadable = 0 } = tokens ?? {}
      if (json) printJson({ resealed, unreadable, accounts: accounts ?? 0 })
      else {
        const passwords = accounts === undefined ? '' : ` and ${accounts} passwords`
        print(`${resealed} tokens${passwords} sealed anew with the newest key; all others had it already.`)
      }
      if (unreadable > 0) {
        throw new CommandFailure(`${unreadable} cannot be opened with the keys given, and were left as they are.`)
      }
    })

/** Undefined when the store does not seal. */
async function resealTokens(store: TokenStore): Promise<Resealed | undefined> {
  try {
    if (!canReseal(store)) return undefined
    await store.open()
    return await store.reseal()
  } finally {
    await store.close()
  }
}

/** How many passwords; undefined where there are no accounts: then no file is made for them. */
async function resealAccounts(path: string, encryptionKeys?: readonly string[]): Promise<number | undefined> {
  if (!existsSync(path)) return undefined
  const { createAccounts } = await import('hotwell/accounts')
  const accounts = createAccounts({ path, encryptionKeys })
  try {
    await accounts.open()
    return await accounts.reseal()
  } finally {
    await accounts.close()
  }
}

function canReseal(store: TokenStore): store is TokenStore & Resealing {
  return typeof (store as Partial<Resealing>).reseal === 'function'
}
