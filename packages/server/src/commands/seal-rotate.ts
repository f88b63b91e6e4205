import type { TokenStore } from 'hotwell'
import { buildStore } from '../build-store.ts'
import { dataCommand, dataPlace } from './data-options.ts'
import { CommandFailure } from './exit-codes.ts'
import { print, printJson } from './output.ts'

interface Resealing {
  reseal(): Promise<unknown>
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
Example:
  $ HOTWELL_ENCRYPTION_KEY="$NEW,$OLD" hotwell seal rotate`,
    )
    .action(async ({ json, ...place }) => {
      const { loaded, dataDir } = await dataPlace(place)
      const { folder, config } = loaded
      const store = await buildStore(config.store, { dataDir, folder, environment: process.env })
      try {
        if (!canReseal(store))
          throw new CommandFailure('This store does not seal tokens, so there is nothing to rotate.')
        await store.open()
        const result = await store.reseal()
        if (json) return printJson({ result })
        print(`Done: ${JSON.stringify(result)}`)
      } finally {
        await store.close()
      }
    })

function canReseal(store: TokenStore): store is TokenStore & Resealing {
  return typeof (store as Partial<Resealing>).reseal === 'function'
}
