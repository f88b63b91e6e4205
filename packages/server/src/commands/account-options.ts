import { refusePasswordArguments } from './password.ts'
import { clientCommand } from './server-options.ts'

/** A command about the accounts of a running server. */
export function accountCommand<Name extends string>(name: Name) {
  const command = clientCommand(name)
  refusePasswordArguments(command)
  return command
}

/** A command about one account of a running server. */
export function oneAccountCommand<Name extends string>(name: Name) {
  return accountCommand(name)
    .argument('<site>', 'the site: the name of its provider, such as court_zxfw')
    .argument('<account>', 'what the account is called here')
}
