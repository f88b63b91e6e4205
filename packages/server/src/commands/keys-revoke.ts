import { keyFilePath, readKeyFile, writeKeyFile } from '../keys/key-file.ts'
import { dataCommand, dataPlace } from './data-options.ts'
import { CommandFailure } from './exit-codes.ts'
import { print } from './output.ts'

/** `hotwell keys revoke NAME`: ends an API key. */
export const keysRevokeCommand = () =>
  dataCommand('revoke')
    .summary('end an API key')
    .description('Ends an API key. A running server refuses it within a second.')
    .argument('<name>', 'the name of the key')
    .addHelpText(
      'after',
      `
Example:
  $ hotwell keys revoke crm-import`,
    )
    .action(async (name, place) => {
      const { loaded, dataDir } = await dataPlace(place)
      const path = keyFilePath(dataDir)
      const keys = await readKeyFile(path)
      const left = keys.filter(key => key.name !== name)
      if (left.length === keys.length) {
        const inConfig = loaded.config.keys.some(key => key.name === name)
        throw new CommandFailure(
          inConfig
            ? `The key "${name}" is in the configuration: remove it there.`
            : `There is no key "${name}"; there are ${keys.map(key => key.name).join(', ') || 'none'}.`,
        )
      }
      await writeKeyFile(path, left)
      print(`The key "${name}" is revoked.`)
      if (left.length + loaded.config.keys.length === 0) {
        print('It was the last one: on loopback every caller of this machine is served without a key now.')
      }
    })
