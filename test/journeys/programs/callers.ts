import { createTokenManager, isHotwellError } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { memory } from 'hotwell/stores/memory'
import { sqlite } from 'hotwell/stores/sqlite'
import { readToken } from '../token-server.ts'

/**
 * A process with a thousand callers that ask for tokens over and over, and check each one they are given at the moment
 * they are given it. Begins when it is told to, tells what it saw when it is asked.
 */
const settings = JSON.parse(process.argv[2]!) as {
  name: string
  tokenEndpoint: string
  path?: string
  callers: number
  everyMs: number
}
const scopes = ['read', 'write']
const tokens = createTokenManager({
  providers: {
    crm: clientCredentials({
      tokenEndpoint: settings.tokenEndpoint,
      clientId: 'crm',
      clientSecret: 'secret-of-the-callers',
      scopes,
      fetch: (url, init) => {
        const headers = new Headers(init?.headers)
        headers.set('x-process', settings.name)
        headers.set('x-sent-at', String(Date.now()))
        return fetch(url, { ...init, headers })
      },
    }),
  },
  store: settings.path ? sqlite({ path: settings.path }) : memory(),
})
const handles = scopes.map(scope => ({ scope, handle: tokens.token({ provider: 'crm', kind: 'client', scope }) }))

const seen = {
  gets: 0,
  /** Tokens that were dead, also when asked for again in the next turn of the event loop. */
  expired: 0,
  longestExpiredMs: 0,
  /** Those that were dead in the very turn in which the loop went on after it had hung: the coarse clock hung with it. */
  expiredAfterHanging: 0,
  /** Dead ones while the loop turned as it should. */
  expiredWhileTurning: 0,
  wrong: 0,
  backwards: 0,
  errors: {} as Record<string, number>,
  /** By scope: which value each generation named. */
  generations: Object.fromEntries(scopes.map(scope => [scope, {} as Record<number, string>])),
}
const newest = new Map<string, number>()

/** Longer than the coarse clock lags, shorter than what is left of a token that is being renewed. */
const hangMs = 200
let turnedAt = Date.now()
let hung = false
setInterval(() => {
  if (Date.now() - turnedAt > hangMs) {
    hung = true
    setImmediate(() => (hung = false))
  }
  turnedAt = Date.now()
}, 20)

function check(scope: string, value: string): void {
  seen.gets++
  const token = readToken(value)
  if (token.scope !== scope || token.client !== 'crm') seen.wrong++
  if (token.expiresAt > Date.now()) return
  if (hung || Date.now() - turnedAt > hangMs) seen.expiredAfterHanging++
  else seen.expiredWhileTurning++
  setImmediate(() => void checkAgain(scope))
}

async function checkAgain(scope: string): Promise<void> {
  const { handle } = handles.find(one => one.scope === scope)!
  const { expiresAt } = readToken(await handle.get())
  const lateMs = Date.now() - expiresAt
  if (lateMs < 0) return
  seen.expired++
  seen.longestExpiredMs = Math.max(seen.longestExpiredMs, lateMs)
}

function failed(error: unknown): void {
  const code = isHotwellError(error) ? error.code : String(error)
  seen.errors[code] = (seen.errors[code] ?? 0) + 1
}

async function ask(caller: number): Promise<void> {
  const { scope, handle } = handles[caller % handles.length]!
  try {
    if (caller % 4 < 2) return check(scope, await handle.get())
    const { value, generation } = await handle.getDetails()
    check(scope, value)
    if (generation < (newest.get(scope) ?? 0)) seen.backwards++
    newest.set(scope, generation)
    seen.generations[scope]![generation] = value
  } catch (error) {
    failed(error)
  }
}

let stopping = false

/** Each caller asks again a little after its answer. */
async function call(caller: number): Promise<void> {
  while (!stopping) {
    await ask(caller)
    await new Promise(resolve => setTimeout(resolve, settings.everyMs))
  }
}

process.on('message', async ({ ask: word }: { ask: string }) => {
  if (word === 'go') for (let caller = 0; caller < settings.callers; caller++) void call(caller)
  if (word === 'close') {
    stopping = true
    // Whoever waits now gets an answer.
    await Promise.allSettled(handles.map(({ handle }) => handle.get()))
    await tokens.close()
  }
  process.send!({ [word]: seen })
  if (word === 'close') process.exit(0)
})
process.send!({ ready: true })
