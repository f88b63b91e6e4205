import { createAccounts } from 'hotwell/accounts'
import { CommandFailure } from '../commands/exit-codes.ts'

/** One account of the demo's site, as the server is to have it. */
export interface DemoAccount {
  account: string
  username: string
  password: string
}

export interface DemoAccountsPlace {
  /** The account database of the server that is about to start. */
  path: string
  encryptionKeys?: readonly string[]
}

/** Every user name of the demo ends in this, which nobody can own (RFC 2606), so that real accounts are told from it. */
export const demoDomain = '@court.example'

/**
 * Puts the demo's accounts where the server looks for them. Those of an earlier start belong to a site that is gone, with
 * bars and budgets that mean nothing any more: they are replaced.
 * @throws CommandFailure when the data folder has real accounts of a site by this name, which are left alone
 */
export async function addDemoAccounts(
  place: DemoAccountsPlace,
  site: string,
  wanted: readonly DemoAccount[],
): Promise<void> {
  const accounts = createAccounts(place)
  try {
    await accounts.open()
    const earlier = await accounts.list({ site })
    const real = earlier.find(({ username }) => !username.endsWith(demoDomain))
    if (real) {
      const message = `${place.path} has the account ${site}/${real.account}, which is not the demo's. Give the demo a data folder of its own: --data`
      throw new CommandFailure(message)
    }
    for (const { account } of earlier) await accounts.remove(site, account)
    for (const { account, username, password } of wanted) await accounts.add(site, account, { username, password })
  } finally {
    await accounts.close()
  }
}
