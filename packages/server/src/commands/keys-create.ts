import { Argument } from '@commander-js/extra-typings'
import { generateKey, hashKey } from '../keys/api-key.ts'
import { keyFilePath, readKeyFile, writeKeyFile } from '../keys/key-file.ts'
import { type ApiKeyAction, apiKeyActions } from '../keys/key-scope.ts'
import { dataCommand, dataPlace } from './data-options.ts'
import { CommandFailure, exitCodes } from './exit-codes.ts'
import { print, printJson } from './output.ts'

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** `hotwell keys create NAME`: makes an API key and shows it once. */
export const keysCreateCommand = () =>
  dataCommand('create')
    .summary('make an API key')
    .description(
      'Makes an API key and prints it once; only its hash is kept. A running server knows it within a second. ' +
        'From the first key on, every caller needs one.',
    )
    .addArgument(new Argument('<name>', 'what the key is called in lists and logs'))
    .option('--refs <pattern...>', 'the tokens it covers; * stands for anything', ['*'])
    .option('--actions <action...>', `what it may do: ${apiKeyActions.join(', ')} (admin is all)`, ['read', 'list'])
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell keys create crm-import --refs crm/client
  $ hotwell keys create worker --refs 'feishu/*' --actions read refresh invalidate
  $ hotwell keys create prometheus --actions metrics`,
    )
    .action(async (keyName, { refs, actions, json, ...place }) => {
      if (!name.test(keyName))
        throw usage(`"${keyName}" is no name for a key: 1 to 64 letters, digits, dots or dashes.`)
      const wrong = actions.find(action => !apiKeyActions.includes(action as ApiKeyAction))
      if (wrong) throw usage(`There is no action "${wrong}"; there are ${apiKeyActions.join(', ')}.`)
      const path = keyFilePath((await dataPlace(place)).dataDir)
      const keys = await readKeyFile(path)
      if (keys.some(stored => stored.name === keyName)) {
        throw new CommandFailure(`There is a key "${keyName}" already; revoke it first: hotwell keys revoke ${keyName}`)
      }
      const key = generateKey()
      const stored = {
        name: keyName,
        sha256: hashKey(key),
        refs,
        actions: actions as ApiKeyAction[],
        createdAt: new Date().toISOString(),
      }
      await writeKeyFile(path, [...keys, stored])
      if (json) return printJson({ ...stored, key })
      print(key)
      process.stderr.write(
        `This is the key "${keyName}". It is not shown again: keep it now, for instance in HOTWELL_API_KEY.\n` +
          `It may ${actions.join(', ')} ${refs.join(', ')}.\n`,
      )
    })

function usage(message: string): CommandFailure {
  return new CommandFailure(message, exitCodes.usage)
}
