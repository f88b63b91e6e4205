import { resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import type { LoadedConfig } from '../config/load-config.ts'

/** A command that works on the data folder, which it finds as the server does. */
export function dataCommand<Name extends string>(name: Name) {
  return new Command(name)
    .option('--config <file>', 'the configuration (default: hotwell.config.* in this folder)')
    .option('--data <dir>', 'the data folder (default: dataDir of the configuration, then ./data)')
}

/** The configuration and the data folder that such a command works on. */
export async function dataPlace(options: {
  config?: string
  data?: string
}): Promise<{ loaded: LoadedConfig; dataDir: string }> {
  const { loadConfig } = await import('../config/load-config.ts')
  const loaded = await loadConfig({ configFile: options.config, overrides: { dataDir: options.data } })
  return { loaded, dataDir: resolve(loaded.config.dataDir) }
}
