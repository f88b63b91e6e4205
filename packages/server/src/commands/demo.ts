import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { DemoConsole } from '../demo/demo-console.ts'
import { flakyCaptchaAccount, wrongPasswordAccount } from '../demo/demo-court-names.ts'
import type { DemoSyncs } from '../demo/demo-syncs.ts'
import { portNumber } from './port-number.ts'
import { runUntilStopped, stopSignal } from './run-until-stopped.ts'

/** `hotwell demo`: identity providers on this machine and a server that keeps their tokens hot, to watch. */
export const demoCommand = () =>
  new Command('demo')
    .summary('watch tokens being renewed, with nothing to set up')
    .description(
      'Starts a Lark/Feishu simulator, a real OpenID provider, a site with a login form and five accounts, and a server ' +
        'that keeps their tokens hot. The tokens live less than a minute, so that renewals can be watched. With one of ' +
        'them the people of a tenant are copied into SQLite every minute. Each start begins with new identities.',
    )
    .option('--port <number>', 'the port to listen on; 0 takes a free one', portNumber, 8000)
    .option('--data <dir>', 'the data folder', 'data')
    .option('--jsonl <file>', 'copy this file as well: elements and relations, one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell demo
  $ hotwell demo --port 8080 --data /tmp/hotwell-demo
  $ hotwell demo --jsonl plant.jsonl`,
    )
    .action(async ({ port, data, jsonl }) => {
      const { createServer } = await import('../create-server.ts')
      const { encryptionKeys } = await import('../config/environment-config.ts')
      const { addDemoAccounts } = await import('../demo/demo-accounts.ts')
      const { beginDemoSyncs, demoSyncs } = await import('../demo/demo-syncs.ts')
      const { startDemoWorld } = await import('../demo/demo-world.ts')
      const signalled = stopSignal()
      const console = new DemoConsole(process.stdout)
      const { syncs, told } = await demoSyncs(data, jsonl)
      const world = await startDemoWorld()
      try {
        const { providers, manifest, court } = world
        await mkdir(data, { recursive: true, mode: 0o700 })
        const place = { path: join(data, 'accounts.db'), encryptionKeys: encryptionKeys(process.env) }
        await addDemoAccounts(place, court.site, court.accounts)
        // Tokens of an earlier start belong to a simulator that is gone; under another namespace nobody finds them.
        const namespace = `demo-${randomBytes(6).toString('hex')}`
        const server = await createServer({
          config: { host: '127.0.0.1', port, dataDir: data, namespace, providers, manifest, syncs },
          logger: console.logger,
          observe: tokens => console.observe(tokens),
        })
        console.observeSyncs(server.syncs)
        console.open(greeting(server.url, server.keysRequired, port, told))
        await beginDemoSyncs(server.syncs)
        await runUntilStopped(signalled, async () => {
          console.close()
          console.line('\nStopping …')
          await server.close()
        })
      } finally {
        await world.close()
      }
    })

function greeting(url: string, keysRequired: boolean, port: number, copied: DemoSyncs['told']): string {
  const curl = keysRequired ? 'curl -H "Authorization: Bearer $HOTWELL_API_KEY"' : 'curl'
  const named = port === 8000 ? '' : ` --url ${url}`
  const copies = copied.map(({ name, what, path }) => `  ${name.padEnd(8)}${what}, into ${path}`).join('\n')
  return `Hotwell keeps the tokens of a Lark simulator, of a real OpenID provider and of a site behind a login hot.
They live less than a minute. Of the site's five accounts ${wrongPasswordAccount} has a wrong password, and ${flakyCaptchaAccount} meets a captcha that
is often refused: the one is left alone before the site locks it out, the other is tried again.
Every minute a sync copies into SQLite:

${copies}

Try this in another terminal:

  ${curl} ${url}/api/v1/tokens/feishu/tenant/acme
  ${curl} ${url}/api/v1/tokens/crm/client
  ${curl} ${url}/api/v1/tokens/court_zxfw/account           any good account of the site
  ${curl} ${url}/api/v1/tokens
  ${curl} -X POST ${url}/api/v1/tokens/feishu/tenant/acme/-/refresh
  ${curl} ${url}/api/v1/performance/health
  ${curl} ${url}/metrics
  npx hotwell account list${named}
  npx hotwell optimize${named}
  npx hotwell sync list${named}
  npx hotwell sync verify people${named}

A page with all tokens is at ${url}/, the API at ${url}/docs. Ctrl+C ends the demo.
`
}
