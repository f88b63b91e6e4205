import type { TokenStore } from 'hotwell'
import { dataCommand, dataPlace } from './data-options.ts'
import { CommandFailure } from './exit-codes.ts'
import { print, printJson } from './output.ts'

interface Resealing {
  reseal(): Promise<{ resealed: number; unreadable: number }>
}

/** `hotwell seal rotate`: seals every stored token with the newest key. */
export const sealRotateCommand = () =>
  dataCommand('rotate')
    .summary('seal stored tokens with the newest key')
    .description(
      'Seals every stored token with the newest key, while servers go on running. Put the new key first in ' +
        'HOTWELL_ENCRYPTION_KEY, the old one behind it, and restart the servers; run this; then drop the old key.',
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
      const { buildStore } = await import('../build-store.ts')
      const store = await buildStore(config.store, { dataDir, folder, environment: process.env })
      try {
        if (!canReseal(store))
          throw new CommandFailure('This store does not seal tokens, so there is nothing to rotate.')
        await store.open()
        const result = await store.reseal()
        if (json) return printJson(result)
        print(`${result.resealed} sealed anew with the newest key; all others had it already.`)
        if (result.unreadable > 0) {
          throw new CommandFailure(
            `${result.unreadable} cannot be opened with the keys given, and were left as they are.`,
          )
        }
      } finally {
        await store.close()
      }
    })

function canReseal(store: TokenStore): store is TokenStore & Resealing {
  return typeof (store as Partial<Resealing>).reseal === 'function'
}
