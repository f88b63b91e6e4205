import { createTokenManager } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { createHistory, type HistoryOptions } from 'hotwell/history'
import { sqlite } from 'hotwell/stores/sqlite'
import { jsonLogin } from '../court-logins.ts'

/** A process under load: it logs in with all accounts of a site over and over, and tells of each that has ended. */
const { folder, url, names, flush } = JSON.parse(process.argv[2]!) as {
  folder: string
  url: string
  names: string[]
  flush?: Pick<HistoryOptions, 'flushMs' | 'flushRecords'>
}
const accounts = createAccounts({ path: `${folder}/accounts.db` })
const history = createHistory({ path: `${folder}/hotwell.db`, ...flush })
const tokens = createTokenManager({
  providers: { court: jsonLogin({ url }) },
  store: sqlite({ path: `${folder}/tokens.db` }),
  accounts,
  history,
  preheat: false,
  gate: { maxConcurrentAcquisitions: 50, maxConcurrentPerSite: 50 },
})
tokens.on('acquisition.finished', ({ id, subject, status }) =>
  process.send!({ finished: { id, subject, status, at: Date.now(), written: history.written } }),
)
process.send!({ ready: true })

async function logInAgain(name: string): Promise<void> {
  for (;;) {
    await tokens
      .token(`court/account/${name}`)
      .refresh()
      .catch(() => {})
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
for (const name of names) void logInAgain(name)
