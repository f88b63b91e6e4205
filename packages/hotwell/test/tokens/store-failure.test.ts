import { inspect } from 'node:util'
import { HotwellError } from 'hotwell'
import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { OuterStore } from './outer-store.ts'
import { after, failureOfCall, scene } from './scene.ts'

const second = 1000

function withStore(given: Parameters<typeof scene>[0] = {}) {
  const clock = new FakeClock()
  const store = new OuterStore(memory({ clock }))
  const made = scene({ preheat: false, clock, ...given, store })
  const told: string[] = []
  made.tokens.on('store.failed', ({ code }) => told.push(code))
  made.tokens.on('store.recovered', () => told.push('recovered'))
  return { ...made, store, told }
}

describe('a store that fails', () => {
  test('stops nobody: tokens are acquired and served from memory, and that is told once', async () => {
    const { clock, store, tokens, told } = withStore()
    store.breakDown()
    for (const name of ['a', 'b', 'c']) {
      expect(await after(clock, 200, tokens.token(`api/tenant/${name}`).get())).toMatch(/^token-/)
    }
    expect(told).toEqual(['store_unavailable'])
    expect(tokens.health()).toMatchObject({
      store: { failing: true },
      problems: [expect.stringMatching(/store fails/)],
    })
    store.recover()
    await after(clock, 200, tokens.token('api/app').get())
    expect(told).toEqual(['store_unavailable', 'recovered'])
    expect(tokens.health()).toMatchObject({ store: { failing: false }, problems: [] })
  })

  test('between claim and commit loses no token', async () => {
    const { clock, store, tokens, told } = withStore()
    store.breakDown(['commit'])
    expect(await after(clock, 200, tokens.token('api/app').get())).toBe('token-1-of-app')
    expect(tokens.token('api/app').peek()).toBe('token-1-of-app')
    expect(told).toEqual(['store_unavailable'])
  })

  test('with words of its own is as good as one that says so', async () => {
    const { clock, store, tokens, told } = withStore()
    store.failure = new TypeError('cannot read properties of undefined')
    expect(await after(clock, 200, tokens.token('api/app').get())).toBe('token-1-of-app')
    expect(await tokens.token('api/app').invalidate()).toBe(true)
    expect(told).toEqual(['store_unavailable'])
  })

  test('with words that quote the new token is told without it', async () => {
    const { clock, store, tokens, upstream, records } = withStore()
    const told: unknown[] = []
    tokens.on('store.failed', event => told.push(event))
    upstream.answer = () => ({ value: 'brand-new-token', expiresInSeconds: 60 })
    store.failure = new TypeError('cannot bind brand-new-token')
    store.only = ['commit']
    expect(await after(clock, 100, tokens.token('api/app').get())).toBe('brand-new-token')
    expect(told).toHaveLength(1)
    expect(inspect([told, records, tokens.health()], { depth: 10 })).not.toContain('brand-new-token')
  })

  test('makes no refresh of a token that came back unchanged', async () => {
    const { clock, store, tokens, upstream, records } = withStore()
    store.breakDown()
    const value = await after(clock, 200, tokens.token('api/app').get())
    const { expiresAt } = await tokens.token('api/app').getDetails()
    upstream.answer = request => ({ value, expiresInSeconds: (expiresAt - request.clock.now()) / second })
    await after(clock, 200, tokens.token('api/app').refresh())
    expect(records.at(-1)).toMatchObject({ unchanged: true, refresh: false })
  })

  test('lets no single-use refresh token be spent whose successor could not be kept', async () => {
    for (const operations of [undefined, ['intend'], ['claim']]) {
      const { clock, store, tokens, upstream } = withStore({ provider: { rotation: {} } })
      let grants = 0
      upstream.answer = request => ({ ...upstream.issue(request), grant: { value: `grant-${++grants}` } })
      const user = tokens.token('api/user/zhang')
      await after(clock, 200, user.get())
      store.breakDown(operations)
      const error = await after(clock, 20 * second, failureOfCall(user.refresh()))
      expect(error).toMatchObject({ code: 'store_unavailable' })
      expect(upstream.calls).toBe(1)
      store.recover()
      expect((await after(clock, 20 * second, user.refresh())).value).toBe('token-2-of-zhang')
      expect(upstream.last.previous?.grant?.value).toBe('grant-1')
    }
  })

  test('for a moment while the successor is to be stored is tried again, and nobody gets the token before', async () => {
    const { clock, store, tokens, upstream } = withStore({ provider: { rotation: {} } })
    let grants = 0
    upstream.answer = request => ({ ...upstream.issue(request), grant: { value: `grant-${++grants}` } })
    const user = tokens.token('api/user/zhang')
    await after(clock, 200, user.get())
    store.breakDown(['commit'])
    const refreshed = user.refresh()
    await clock.advance(150)
    expect(user.peek()).toBe('token-1-of-zhang')
    store.recover()
    expect((await after(clock, 2 * second, refreshed)).value).toBe('token-2-of-zhang')
    await after(clock, 200, user.refresh())
    expect(upstream.last.previous?.grant?.value).toBe('grant-2')
  })
})

describe('a record that cannot be opened', () => {
  test('is left alone: its token lives in memory only', async () => {
    const { clock, store, tokens, upstream } = withStore()
    store.claim = async () => {
      store.done.push('claim')
      return { status: 'unreadable', reason: 'no key fits' }
    }
    const app = tokens.token('api/app')
    expect(await after(clock, 200, app.get())).toBe('token-1-of-app')
    await after(clock, 200, app.refresh())
    expect(app.peek()).toBe('token-2-of-app')
    expect(store.done.every(step => step === 'claim' || step === 'extend')).toBe(true)
    expect(upstream.calls).toBe(2)
  })

  test('a store that never could be read is an error, not an empty store', async () => {
    const { clock, store, tokens, upstream } = withStore()
    store.failure = new HotwellError('store_unreadable', 'no key fits')
    expect(await after(clock, 200, failureOfCall(tokens.token('api/app').get()))).toMatchObject({
      code: 'store_unreadable',
    })
    expect(upstream.calls).toBe(0)
  })
})
