import { dataCommand, dataPlace } from './data-options.ts'
import { print, printJson } from './output.ts'

/** `hotwell config check`: reads and builds the configuration, and asks nobody anything. */
export const configCheckCommand = () =>
  dataCommand('check')
    .summary('check the configuration')
    .description(
      'Reads the configuration and the environment, and builds providers, store, and the sources and targets of syncs. Nothing is started, written or asked.',
    )
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell config check
  $ hotwell config check --config staging.config.yaml`,
    )
    .action(async ({ json, ...place }) => {
      const { loaded, dataDir } = await dataPlace(place)
      const { config, path } = loaded
      const { rehearse } = await import('../rehearse.ts')
      const { providers, manifest, syncs } = await rehearse(loaded, { dataDir, environment: process.env })
      const { host, port, namespace } = config
      const names = { providers: Object.keys(providers), manifest, syncs: syncs.map(({ name }) => name) }
      const found = { file: path ?? null, host, port, dataDir, namespace, ...names }
      if (json) return printJson({ ok: true, ...found })
      print(`${path ?? 'No configuration file; the defaults and the environment'}: in order`)
      print(`  listens on   ${host}:${port}`)
      print(`  data folder  ${dataDir}`)
      print(`  providers    ${names.providers.join(', ') || 'none'}`)
      print(`  manifest     ${manifest.join(', ') || 'empty'}`)
      print(`  syncs        ${names.syncs.join(', ') || 'none'}`)
    })
