import { CommandFailure, exitCodes } from '../commands/exit-codes.ts'
import { query } from './query.ts'
import type { ServerClient } from './server-client.ts'

/** An account as the server tells of it: never its password. Instants are RFC 3339. */
export interface AccountReply {
  site: string
  account: string
  username: string
  state: 'available' | 'cooling' | 'barred' | 'spent'
  score: number
  successes: number
  failures: number
  /** 0 to 1. */
  successRate: number
  lastSuccessAt?: string | null
  coolingUntil?: string | null
  bar?: { cause: 'credential' | 'manual'; reason?: string | null; until?: string | null } | null
  budget: { tries: number; spent: number; windowSeconds: number; nextAt?: string | null }
}

export interface BarReply {
  site: string
  account: string
  cause: 'credential' | 'manual'
  reason?: string | null
  barredAt: string
  until?: string | null
}

/** What the account commands ask a server. */
export function accountRequests(client: ServerClient) {
  const at = (site: string, account: string) => `/${segment(site)}/${segment(account)}`
  const accounts = '/api/v1/accounts'
  const blacklist = '/api/v1/blacklist'
  return {
    list: (site?: string) => client.get<{ accounts: AccountReply[] }>(accounts + query({ site })),
    add: (added: { site: string; account: string; username?: string; password: string }) =>
      client.post<AccountReply>(accounts, added),
    update: (site: string, account: string, changes: { username?: string; password?: string }) =>
      client.patch<AccountReply>(accounts + at(site, account), changes),
    remove: (site: string, account: string) => client.delete<void>(accounts + at(site, account)),
    barred: (site?: string) => client.get<{ bars: BarReply[] }>(blacklist + query({ site })),
    bar: (site: string, account: string, bar: { reason?: string; until?: string }) =>
      client.put<AccountReply>(blacklist + at(site, account), bar),
    unbar: (site: string, account: string) => client.delete<AccountReply>(blacklist + at(site, account)),
  }
}

/** @throws CommandFailure (usage) for the names that every URL parser takes for a step in the path */
function segment(name: string): string {
  if (name !== '.' && name !== '..' && name !== '') return encodeURIComponent(name)
  throw new CommandFailure(`"${name}" is no name of a site or an account.`, exitCodes.usage)
}
