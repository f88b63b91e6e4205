import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import { type AcquireRequest, providerFailure } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { sleep } from 'hotwell/core'
import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { after, failureOfCall, now, scene, Upstream } from './scene.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const badPassword = () =>
  providerFailure({ code: 'credentials_rejected', scope: 'account', message: 'The site says: wrong password.' })
const badCaptcha = () =>
  providerFailure({ status: 'captcha_error', disposition: 'retryable', message: 'The captcha was wrong.' })
const refusedConnection = () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

/** A site with accounts, each with its own password, kept in a real file. */
async function site({
  names = ['zhang', 'wang', 'li'],
  clock = new FakeClock(),
  ...options
}: { names?: string[]; clock?: FakeClock } & Omit<NonNullable<Parameters<typeof scene>[0]>, 'clock'> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hotwell-logins-'))
  const accounts = createAccounts({ path: join(folder, 'accounts.db'), clock })
  await accounts.open()
  for (const name of names) await accounts.add('api', name, { password: `password-of-${name}` })
  const upstream = new Upstream()
  const made = scene({ clock, accounts, upstream, preheat: false, ...options })
  onTestFinished(async () => {
    await accounts.close()
    await rm(folder, { recursive: true })
  })
  return { ...made, clock, accounts, upstream, path: join(folder, 'accounts.db') }
}

const accountOf = ({ ref }: AcquireRequest) => ref.subject

describe('a login', () => {
  test('sends the credentials of its account, after its try was durably reserved, and gets it back on success', async () => {
    const { clock, tokens, upstream, accounts, records } = await site()
    let spentMeanwhile: number | undefined
    upstream.answer = async request => {
      spentMeanwhile = (await accounts.get('api', 'zhang')).budget.spent
      return upstream.issue(request)
    }
    await after(clock, second, tokens.token('api/account/zhang').get())
    expect(upstream.last.credentials).toMatchObject({ username: 'zhang', password: 'password-of-zhang' })
    expect(spentMeanwhile).toBe(1)
    expect((await accounts.get('api', 'zhang')).budget.spent).toBe(0)
    expect(records).toMatchObject([{ status: 'success', credentialId: upstream.last.credentials!.credentialId }])
  })

  test('with a bad password bars its account: neither callers nor explicit refreshes send it again', async () => {
    const { clock, tokens, upstream, accounts, records } = await site()
    upstream.failure = badPassword()
    const handle = tokens.token('api/account/zhang')
    const error = await failureOfCall(after(clock, second, handle.get()))
    expect(error).toMatchObject({ code: 'credentials_rejected' })
    expect((await accounts.get('api', 'zhang')).bar).toMatchObject({ cause: 'credential' })
    for (let i = 0; i < 50; i++) {
      await clock.advance(minute)
      const refused = await failureOfCall(after<unknown>(clock, second, i % 2 ? handle.get() : handle.refresh()))
      if (i % 2 === 0) expect(refused).toMatchObject({ code: 'account_unavailable' })
    }
    expect(upstream.calls).toBe(1)
    expect(records[0]).toMatchObject({ status: 'credential_error', attempts: 1 })
    await clock.advance(hour)
    await failureOfCall(after(clock, second, handle.get()))
    expect(upstream.calls, 'after the hour it may be tried once more').toBe(2)
  })

  test('with a bad password stops its account alone, not the site', async () => {
    const { clock, tokens, upstream } = await site()
    upstream.answer = request => {
      if (accountOf(request) === 'zhang') throw providerFailure({ code: 'credentials_rejected', message: 'no' })
      return upstream.issue(request)
    }
    await failureOfCall(after(clock, second, tokens.token('api/account/zhang').get()))
    expect(await after(clock, second, tokens.token('api/account/wang').get())).toBe('token-1-of-wang')
  })

  test('with the old password, while the new one is being set, does not bar the new one', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.latencyMs = 10 * second
    upstream.failure = badPassword()
    const handle = tokens.token('api/account/zhang')
    const old = failureOfCall(handle.get())
    await clock.advance(second)
    await accounts.update('api', 'zhang', { password: 'the-new-one' })
    await clock.advance(20 * second)
    expect(await old).toMatchObject({ code: 'credentials_rejected' })
    const facts = await accounts.get('api', 'zhang')
    expect(facts.bar).toBeUndefined()
    expect(facts.budget.spent).toBe(0)
    upstream.failure = undefined
    expect(await after(clock, 20 * second, handle.get())).toBe('token-1-of-zhang')
    expect(upstream.last.credentials?.password).toBe('the-new-one')
  })

  test('that waited in the queue sends the password of its turn, not of its arrival', async () => {
    const { clock, tokens, upstream, accounts } = await site({ gate: { maxConcurrentPerSite: 1 } })
    upstream.latencyMs = 5 * second
    const first = tokens.token('api/account/zhang').get()
    await clock.advance(100)
    const second_ = tokens.token('api/account/wang').get()
    await clock.advance(100)
    await accounts.update('api', 'wang', { password: 'changed-meanwhile' })
    await after(clock, 20 * second, Promise.all([first, second_]))
    expect(upstream.last.credentials?.password).toBe('changed-meanwhile')
  })

  test('may be tried at once when a person unbars its account', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.failure = badPassword()
    const handle = tokens.token('api/account/zhang')
    await failureOfCall(after(clock, second, handle.get()))
    expect(await failureOfCall(handle.get())).toMatchObject({ code: 'credentials_rejected' })
    upstream.failure = undefined
    await accounts.unbar('api', 'zhang')
    expect(await after(clock, second, handle.get())).toBe('token-1-of-zhang')
  })

  test('kept warm is made anew when a person unbars its account, without anybody asking', async () => {
    const { clock, upstream, accounts, tokens } = await site({ preheat: 'standard', manifest: ['api/account/zhang'] })
    upstream.failure = badPassword()
    await failureOfCall(after(clock, second, tokens.token('api/account/zhang').get()))
    upstream.failure = undefined
    await accounts.unbar('api', 'zhang')
    await clock.advance(5 * second)
    expect(tokens.token('api/account/zhang').peek()).toBe('token-1-of-zhang')
  })

  test('tries a captcha again three times, 2 s apart, and takes nothing off the budget', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.latencyMs = 0
    upstream.failure = badCaptcha()
    await failureOfCall(after(clock, minute, tokens.token('api/account/zhang').get()))
    const pauses = upstream.askedAt.slice(1).map((at, i) => at - upstream.askedAt[i]!)
    expect(pauses).toEqual([2000, 2000, 2000])
    const facts = await accounts.get('api', 'zhang')
    expect(facts.bar).toBeUndefined()
    expect(facts.budget.spent).toBe(0)
  })

  test('tries a lost connection again after 1, 2 and 4 s', async () => {
    const { clock, tokens, upstream, records } = await site()
    upstream.latencyMs = 0
    upstream.failure = refusedConnection()
    await failureOfCall(after(clock, minute, tokens.token('api/account/zhang').get()))
    const pauses = upstream.askedAt.slice(1).map((at, i) => at - upstream.askedAt[i]!)
    expect(pauses).toEqual([1000, 2000, 4000])
    expect(records).toMatchObject([{ status: 'network_error', networkRetries: 3 }])
  })

  test('that timed out is not sent again: the site may still be at it', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.failure = new DOMException('too slow', 'TimeoutError')
    await failureOfCall(after(clock, minute, tokens.token('api/account/zhang').get()))
    expect(upstream.calls).toBe(1)
    expect((await accounts.get('api', 'zhang')).budget.spent, 'it may have been counted').toBe(1)
  })

  test.each([
    ['an error that nobody sorted', new TypeError('reading "token" of undefined'), 1],
    [
      'an answer that nobody understood',
      providerFailure({ message: 'HTTP 200, no token', details: { sent: true } }),
      1,
    ],
    ['an answer that could not be used', providerFailure({ message: 'no token', disposition: 'uncertain' }), 1],
    ['a failure before it was sent', providerFailure({ message: 'no login page', details: { sent: false } }), 0],
    ['a failure that its provider sorted', providerFailure({ message: 'closed for maintenance' }), 0],
    ['a connection that was never made', refusedConnection(), 0],
    [
      'a time-out before it was sent',
      providerFailure({ code: 'timeout', message: 'no login page', details: { sent: false } }),
      0,
    ],
  ])('that ends with %s leaves spent what the site may have counted', async (_, failure, spent) => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.failure = failure
    await failureOfCall(after(clock, 10 * second, tokens.token('api/account/zhang').get()))
    expect(await accounts.get('api', 'zhang')).toMatchObject({ state: 'cooling', budget: { spent } })
  })

  test.each([
    ['answered with what nobody understood', { sent: true, answered: true }, 1],
    ['answered that the site is out of order', { sent: true, answered: false }, 0],
    ['not answered', { sent: true }, 0],
  ])('of an account that was right, when it is %s', async (_, details, spent) => {
    const { clock, tokens, upstream, accounts } = await site()
    const handle = tokens.token('api/account/zhang')
    await after(clock, second, handle.get())
    upstream.failure = providerFailure({ message: 'odd', disposition: 'uncertain', details })
    await failureOfCall(after(clock, minute, handle.refresh()))
    expect((await accounts.get('api', 'zhang')).budget.spent).toBe(spent)
  })

  test('that brings something else than a token is no success: the password is not sent on and on', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    upstream.answer = () => ({}) as never
    for (let i = 0; i < 10; i++) {
      await failureOfCall(after(clock, minute, tokens.token('api/account/zhang').refresh()))
      await clock.advance(hour)
    }
    expect(upstream.calls).toBe(2)
    expect(await accounts.get('api', 'zhang')).toMatchObject({ state: 'spent', successes: 0 })
  })

  test('for an account that is not there names it, and how to add it; once added, it is tried at once', async () => {
    const { clock, tokens, accounts } = await site()
    const handle = tokens.token('api/account/zhao')
    const error = await failureOfCall(after(clock, second, handle.get()))
    expect(error).toMatchObject({ code: 'unknown_subject', message: expect.stringContaining('account add api zhao') })
    await accounts.add('api', 'zhao', { password: 'secret' })
    expect(await after(clock, second, handle.get())).toBe('token-1-of-zhao')
  })

  test('leaves its password in no record, event, error or inspection', async () => {
    const { clock, tokens, upstream, records } = await site()
    upstream.answer = ({ credentials }) => {
      throw new Error(`cannot log in as ${credentials?.username} with ${credentials?.password}`)
    }
    const error = await failureOfCall(after(clock, minute, tokens.token('api/account/zhang').get()))
    const told = [error, records, tokens.list(), tokens.health(), tokens.gateUsage()]
    expect(inspect(told, { depth: 12 })).not.toContain('password-of-zhang')
    expect(JSON.stringify(told)).not.toContain('password-of-zhang')
  })
})

describe('a holder that does not return', () => {
  test('keeps its account until the quarantine is over, which cools it down; then the next login begins', async () => {
    const gate = { acquisitionTimeoutSeconds: 10, quarantineSeconds: 60 }
    const { clock, tokens, upstream, accounts } = await site({ gate })
    upstream.answer = () => new Promise(() => {})
    const handle = tokens.token('api/account/zhang')
    expect(await failureOfCall(after(clock, 11 * second, handle.get()))).toMatchObject({ code: 'timeout' })
    upstream.answer = undefined
    await clock.advance(20 * second)
    const next = handle.get()
    await clock.advance(30 * second)
    expect(upstream.calls, 'an abort does not stop a browser that is logging in').toBe(1)
    expect((await accounts.get('api', 'zhang')).coolingUntil).toBeUndefined()
    upstream.answer = () => sleep(clock, minute).then(() => Promise.reject(new Error('unwell')))
    next.catch(() => {})
    await clock.advance(15 * second)
    expect((await accounts.get('api', 'zhang')).coolingUntil).toBeGreaterThan(clock.now())
    expect(upstream.calls).toBe(2)
  })

  test('and returns late with a token has it found by the next caller, without another login', async () => {
    const { clock, tokens, upstream } = await site({ gate: { acquisitionTimeoutSeconds: 10 } })
    upstream.answer = async request => {
      await sleep(clock, 20 * second)
      return upstream.issue(request)
    }
    const any = tokens.token('api/account')
    const handle = tokens.token('api/account/zhang')
    expect(await failureOfCall(after(clock, 11 * second, handle.get()))).toMatchObject({ code: 'timeout' })
    await clock.advance(15 * second)
    expect(await after(clock, second, any.get())).toBe('token-1-of-zhang')
    expect(upstream.calls).toBe(1)
  })
})

describe('any good account', () => {
  test('is one login, however many ask', async () => {
    const { clock, tokens, upstream } = await site()
    const any = tokens.token('api/account')
    const values = await after(clock, second, Promise.all(Array.from({ length: 500 }, () => any.get())))
    expect(new Set(values).size).toBe(1)
    expect(upstream.calls).toBe(1)
    expect((await any.getDetails()).ref).toMatch(/^api\/account\/(zhang|wang|li)$/)
  })

  test('is one with a live token, before any login', async () => {
    const { clock, tokens, upstream } = await site()
    await after(clock, second, tokens.token('api/account/li').get())
    expect(await after(clock, second, tokens.token('api/account').get())).toBe('token-1-of-li')
    expect(upstream.calls).toBe(1)
  })

  test('is one with a live token without a look into the store, which may be away', async () => {
    const clock = new FakeClock()
    const store = memory({ clock })
    let reads = 0
    const counted: typeof store = Object.assign(Object.create(store), {
      read: (...given: Parameters<typeof store.read>) => {
        reads++
        return store.read(...given)
      },
    })
    const { tokens } = await site({ store: counted, clock })
    await after(clock, second, tokens.token('api/account/li').get())
    const before = reads
    await after(clock, second, tokens.token('api/account').get())
    expect(reads).toBe(before)
  })

  test('is one whose token is in the store although another one is better', async () => {
    const { clock, tokens, upstream, accounts, store } = await site()
    await after(clock, second, tokens.token('api/account/li').get())
    for (let n = 0; n < 5; n++) {
      const wang = (await accounts.credentials('api', 'wang'))!
      const reserved = await accounts.reserve('api', wang)
      await accounts.settle('api', 'wang', reserved as { id: string; credentialId: string }, 'success')
    }
    const [best] = await accounts.candidates('api')
    expect(best?.account).toBe('wang')
    const restarted = scene({ clock, accounts, upstream, store, preheat: false })
    expect(await after(clock, second, restarted.tokens.token('api/account').get())).toBe('token-1-of-li')
    expect(upstream.calls).toBe(1)
  })

  test('is sought among three; the error of the last is told', async () => {
    const { clock, tokens, upstream } = await site({ names: ['a', 'b', 'c', 'd', 'e'] })
    upstream.failure = badPassword()
    expect(await failureOfCall(after(clock, 5 * second, tokens.token('api/account').get()))).toMatchObject({
      code: 'credentials_rejected',
    })
    expect(upstream.calls).toBe(3)
  })

  test('is found although the three best have passwords that cannot be opened', async () => {
    const { clock, tokens, accounts, path } = await site({ names: ['a', 'b', 'c', 'd'] })
    const database = new DatabaseSync(path)
    database.exec("update accounts set sealed_password = 'x' where account != 'd'")
    database.close()
    accounts.clearCaches()
    const any = tokens.token('api/account')
    expect(await failureOfCall(after(clock, second, any.get()))).toMatchObject({ code: 'store_unreadable' })
    expect(await after(clock, second, any.get())).toBe('token-1-of-d')
  })

  test('is one whose token is in the store, after a restart', async () => {
    const { clock, tokens, upstream, accounts, store } = await site()
    await after(clock, second, tokens.token('api/account/li').get())
    const restarted = scene({ clock, accounts, upstream, store, preheat: false })
    expect(await after(clock, second, restarted.tokens.token('api/account').get())).toBe('token-1-of-li')
    expect(upstream.calls).toBe(1)
    const elsewhere = scene({ clock, accounts, upstream, store: memory({ clock }), preheat: false })
    await after(clock, second, elsewhere.tokens.token('api/account').get())
    expect(upstream.calls, 'control: without that store a login is needed').toBe(2)
  })

  test('is another one when the first fails, and a barred one is not served although its token lives', async () => {
    const { clock, tokens, upstream, accounts } = await site()
    const refused: (string | undefined)[] = []
    upstream.answer = request => {
      if (refused.length < 2) {
        refused.push(accountOf(request))
        throw badPassword()
      }
      return upstream.issue(request)
    }
    const any = tokens.token('api/account')
    const { ref } = await after(clock, 5 * second, any.getDetails())
    expect(refused).toHaveLength(2)
    expect(refused).not.toContain(ref.split('/')[2])
    for (const account of refused) await accounts.unbar('api', account!)
    await accounts.bar('api', ref.split('/')[2]!, { reason: 'needed elsewhere' })
    const other = await after(clock, 5 * second, any.getDetails())
    expect(other.ref).not.toBe(ref)
  })

  test('is none when all are barred or cool down, and the error says when to come again', async () => {
    const { clock, tokens, upstream, accounts } = await site({ names: ['zhang', 'wang'] })
    upstream.failure = badCaptcha()
    const any = tokens.token('api/account')
    await failureOfCall(after(clock, 15 * second, any.get()))
    const error = await failureOfCall(after(clock, 100, any.get()))
    expect(error).toMatchObject({ code: 'account_unavailable' })
    expect(error.retryAfterMs).toBeGreaterThan(0)
    upstream.failure = undefined
    for (const name of ['zhang', 'wang']) await accounts.bar('api', name, { reason: 'holiday' })
    const barred = await failureOfCall(after(clock, hour, any.get()))
    expect(barred).toMatchObject({ code: 'account_unavailable', message: expect.stringContaining('barred') })
  })

  test('of a site with hundreds is one login as well, and does not make hundreds of entries', async () => {
    const names = Array.from({ length: 200 }, (_, n) => `clerk-${n}`)
    const { clock, tokens, upstream, accounts } = await site({ names })
    const any = tokens.token('api/account')
    upstream.latencyMs = 5 * second
    const first = any.getDetails()
    await clock.advance(second)
    // The one that logs in is the last of equals by now.
    const second_ = any.getDetails()
    await clock.advance(10 * second)
    expect((await second_).ref).toBe((await first).ref)
    for (const name of names.slice(100)) await accounts.update('api', name, { password: 'another one' })
    expect(await after(clock, second, any.get())).toBe((await first).value)
    expect(await any.invalidate('something else')).toBe(false)
    expect(upstream.calls).toBe(1)
    expect(tokens.list().length).toBeLessThan(100)
    await accounts.bar('api', (await first).ref.split('/')[2]!)
    expect((await after(clock, 10 * second, any.getDetails())).ref).not.toBe((await first).ref)
  })

  test('has a rejected token dropped, whichever account it is of', async () => {
    const { clock, tokens, upstream } = await site()
    const any = tokens.token('api/account')
    const value = await after(clock, second, any.get())
    expect(await any.invalidate('something else')).toBe(false)
    expect(await any.invalidate(value)).toBe(true)
    expect(await after(clock, 10 * second, any.get())).not.toBe(value)
    expect(upstream.calls).toBe(2)
  })

  test('is told apart from a misspelt site; without accounts it is refused', async () => {
    const { tokens } = await site()
    expect(() => tokens.token('nobody/account' as never)).toThrow(expect.objectContaining({ code: 'unknown_provider' }))
    const { tokens: without } = scene()
    expect(() => without.token('api/account')).toThrow(expect.objectContaining({ code: 'unknown_subject' }))
    expect(await now(Promise.resolve('control'))).toBe('control')
  })
})
