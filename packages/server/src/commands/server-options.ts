import { Command, Option } from '@commander-js/extra-typings'

/** A command that talks to a running server: it takes the URL and prints JSON on request. */
export function clientCommand<Name extends string>(name: Name) {
  return new Command(name)
    .addOption(new Option('--url <url>', 'the server (default: HOTWELL_URL, then http://127.0.0.1:8000)'))
    .option('--json', 'print JSON for programs')
}
