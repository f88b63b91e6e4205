import { keyFilePath, readKeyFile } from '../keys/key-file.ts'
import { dataCommand, dataPlace } from './data-options.ts'
import { print, printJson, table } from './output.ts'

/** `hotwell keys list`: the names and scopes of the API keys. */
export const keysListCommand = () =>
  dataCommand('list')
    .summary('list the API keys')
    .description('Lists the API keys of the data folder by name and scope. The keys themselves are not kept anywhere.')
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      `
Example:
  $ hotwell keys list --data /var/lib/hotwell`,
    )
    .action(async ({ json, ...place }) => {
      const { loaded, dataDir } = await dataPlace(place)
      const filed = await readKeyFile(keyFilePath(dataDir))
      const keys = [
        ...filed.map(({ name, refs, actions, createdAt }) => ({ name, refs, actions, createdAt, from: 'data folder' })),
        ...loaded.config.keys.map(({ name, refs, actions }) => ({ name, refs, actions, from: 'configuration' })),
      ]
      if (json) return printJson({ keys })
      if (keys.length === 0) {
        return print('There is no API key: only callers of this machine are served. Make one: hotwell keys create NAME')
      }
      const rows = keys.map(key => [key.name, key.refs.join(' '), key.actions.join(' '), key.from])
      print(table(['Name', 'Tokens', 'Actions', 'From'], rows))
    })
