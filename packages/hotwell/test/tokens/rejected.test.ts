import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { OuterStore } from './outer-store.ts'
import { after, failureOfCall, scene } from './scene.ts'

const second = 1000

/** A manager whose provider keeps returning the token that it has issued before, as Lark does. */
async function sameAgain(given: Parameters<typeof scene>[0] = {}) {
  const made = scene({ preheat: false, ...given })
  const { clock, tokens, upstream } = made
  const acme = tokens.token('api/tenant/acme')
  const value = await after(clock, 100, acme.get())
  const { expiresAt } = await acme.getDetails()
  upstream.answer = request => ({ value, expiresInSeconds: (expiresAt - request.clock.now()) / 1000 })
  return { ...made, acme, value }
}

describe('invalidate', () => {
  test('drops a token only if it is still the current one', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const first = await after(clock, 100, acme.get())
    const { value: second_ } = await after(clock, 100, acme.refresh())
    expect(await acme.invalidate(first)).toBe(false)
    expect(acme.peek()).toBe(second_)
    expect(await acme.invalidate(second_)).toBe(true)
    expect(acme.peek()).toBeUndefined()
    await clock.advance(200)
    expect(await acme.get()).toBe('token-3-of-acme')
    expect(upstream.last.trigger).toBe('rejected')
  })

  test('a rejection causes at most one acquisition in 5 s', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    await after(clock, 100, acme.get())
    for (let i = 0; i < 20; i++) {
      await acme.invalidate(acme.peek())
      await after(clock, 150, acme.get())
    }
    expect(upstream.calls).toBe(2)
    await clock.advance(5 * second)
    expect(await acme.invalidate(acme.peek())).toBe(true)
  })

  test('without a value drops whatever is there, also what only the store has', async () => {
    const { clock, store, tokens, upstream } = scene({ preheat: false })
    await after(clock, 100, tokens.token('api/tenant/acme').get())
    const restarted = scene({ preheat: false, clock, store, upstream, node: 'two' })
    expect(await restarted.tokens.token('api/tenant/acme').invalidate()).toBe(true)
    expect(await after(clock, 100, restarted.tokens.token('api/tenant/acme').get())).toBe('token-2-of-acme')
  })

  test('of a value that only the store had does not drop what came while the store was asked', async () => {
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const { tokens } = scene({ preheat: false, clock, store })
    const acme = tokens.token('api/tenant/acme')
    const first = await after(clock, 100, acme.get())
    await clock.advance(7200 * second)
    const { read } = store
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    store.read = async key => {
      const found = await read(key)
      await held
      return found
    }
    const dropped = acme.invalidate(first)
    const next = await after(clock, 200, acme.get())
    letGo()
    expect(await dropped).toBe(false)
    expect(acme.peek()).toBe(next)
  })

  test('of a token that nobody has does nothing', async () => {
    const { tokens, upstream } = scene({ preheat: false })
    expect(await tokens.token('api/app').invalidate()).toBe(false)
    expect(await tokens.token('api/app').invalidate('made up')).toBe(false)
    expect(upstream.calls).toBe(0)
  })
})

describe('a provider that returns the rejected token again', () => {
  test('is still_rejected, asked again after pauses from 1 s to 60 s', async () => {
    const { clock, acme, value, upstream } = await sameAgain()
    await acme.invalidate(value)
    const error = await failureOfCall(after(clock, 200, acme.get()))
    expect(error).toMatchObject({ code: 'still_rejected', retryable: true })
    const from = upstream.calls
    for (let i = 0; i < 3000; i++) {
      acme
        .get()
        .then(tried => acme.invalidate(tried))
        .catch(() => {})
      await clock.advance(100)
    }
    const pauses = upstream.askedAt.slice(from).map((at, i, all) => (at - (all[i - 1] ?? at)) / second)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(61)
    expect(pauses.at(-1)).toBeGreaterThan(25)
    expect(upstream.calls).toBeLessThan(20)
  })

  test('after a pause one caller may try it, and silence counts as acceptance', async () => {
    const { clock, acme, value } = await sameAgain()
    await acme.invalidate(value)
    await failureOfCall(after(clock, 200, acme.get()))
    await clock.advance(1200)
    const callers = await after(clock, 200, Promise.allSettled([acme.get(), acme.get(), acme.get()]))
    expect(callers.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    expect(await failureOfCall(acme.get())).toMatchObject({ code: 'still_rejected' })
    await clock.advance(3 * second)
    expect(await acme.get()).toBe(value)
    expect(acme.peek()).toBe(value)
  })

  test('the caller whose API rejects it once more keeps it from all others', async () => {
    const { clock, acme, value } = await sameAgain()
    await acme.invalidate(value)
    await failureOfCall(after(clock, 200, acme.get()))
    await clock.advance(1200)
    expect(await after(clock, 200, acme.get())).toBe(value)
    expect(await acme.invalidate(value)).toBe(false)
    expect(await failureOfCall(acme.get())).toMatchObject({ code: 'still_rejected' })
    await clock.advance(3 * second)
    const callers = await after(clock, 200, Promise.allSettled([acme.get(), acme.get()]))
    expect(callers.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    expect(acme.peek()).toBeUndefined()
  })

  test('a token of the manifest, which is preheated all the time, can be tried as well', async () => {
    const { clock, acme, value } = await sameAgain({ preheat: 'standard', manifest: ['api/tenant/acme'] })
    await acme.invalidate(value)
    await clock.advance(200)
    await failureOfCall(acme.get())
    await clock.advance(1500)
    expect(await acme.get()).toBe(value)
    expect(await failureOfCall(acme.get())).toMatchObject({ code: 'still_rejected' })
    await clock.advance(5 * second)
    expect(acme.peek()).toBe(value)
  })

  test('a token on trial is served no longer than it lives', async () => {
    const { clock, acme, value } = await sameAgain()
    await clock.advance(7190 * second)
    await acme.invalidate(value)
    await failureOfCall(after(clock, 200, acme.get()))
    await clock.advance(1200)
    expect(await after(clock, 200, acme.get())).toBe(value)
    await clock.advance(30 * second)
    expect(await after(clock, 5000, failureOfCall(acme.get()))).toMatchObject({ code: 'provider_error' })
  })

  test('a new token ends it', async () => {
    const { clock, acme, value, upstream } = await sameAgain()
    await acme.invalidate(value)
    await failureOfCall(after(clock, 200, acme.get()))
    upstream.answer = undefined
    await clock.advance(1200)
    expect(await after(clock, 200, acme.get())).toBe('token-2-of-acme')
    expect(acme.inspect().failure).toBeUndefined()
  })

  test('is found out also when other tokens came in between', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    const acme = tokens.token('api/tenant/acme')
    const rejected: string[] = []
    for (let i = 0; i < 4; i++) {
      rejected.push(await after(clock, 6 * second, acme.get()))
      await acme.invalidate(rejected.at(-1))
    }
    await after(clock, 6 * second, acme.get())
    for (const value of rejected) {
      upstream.answer = () => ({ value, expiresInSeconds: 7200 })
      const error = await failureOfCall(after(clock, 70 * second, acme.refresh()))
      expect(error).toMatchObject({ code: 'still_rejected' })
    }
  })

  test('goes to one caller on trial, not to all who wait, also after a failure of another sort', async () => {
    const { clock, acme, value, upstream } = await sameAgain()
    const same = upstream.answer
    await acme.invalidate(value)
    await failureOfCall(after(clock, 200, acme.get()))
    upstream.answer = () => Promise.reject(new Error('down'))
    await clock.advance(1200)
    await failureOfCall(after(clock, 20 * second, acme.get()))
    upstream.answer = same
    await clock.advance(60 * second)
    const callers = await after(clock, 200, Promise.allSettled([acme.get(), acme.get(), acme.get()]))
    expect(callers.filter(({ status }) => status === 'fulfilled').length).toBe(1)
  })
})

describe('the others who share the store', () => {
  test('drop a rejected token, too, and do not get it back from store or provider', async () => {
    const one = await sameAgain()
    const { clock, store, upstream, value } = one
    const two = scene({ preheat: false, clock, store, upstream, node: 'two' })
    const other = two.tokens.token('api/tenant/acme')
    expect(await other.get()).toBe(value)
    await one.acme.invalidate(value)
    await clock.advance(1)
    expect(other.peek()).toBeUndefined()
    expect(await failureOfCall(after(clock, 200, other.get()))).toMatchObject({ code: 'still_rejected' })
    expect(await failureOfCall(after(clock, 200, one.acme.get()))).toMatchObject({ code: 'still_rejected' })
  })

  test('take a dropped token again once somebody has stored it again', async () => {
    const one = await sameAgain()
    const { clock, store, upstream, value } = one
    const two = scene({ preheat: false, clock, store, upstream, node: 'two' })
    const other = two.tokens.token('api/tenant/acme')
    expect(await other.get()).toBe(value)
    await one.acme.invalidate()
    await clock.advance(1)
    expect(other.inspect().state).toBe('cold')
    expect(await after(clock, 200, one.acme.get())).toBe(value)
    expect(other.peek()).toBe(value)
    expect((await after(clock, 200, other.refresh())).value).toBe(value)
  })

  test('hear of it also while they renew the token and fail', async () => {
    const { clock, store, tokens, upstream } = scene({ preheat: false })
    const two = scene({ preheat: false, clock, store, node: 'two' })
    const [mine, other] = [tokens.token('api/tenant/acme'), two.tokens.token('api/tenant/acme')]
    const value = await after(clock, 100, mine.get())
    expect(await other.get()).toBe(value)
    await clock.advance(6600 * second)
    two.upstream.latencyMs = 5000
    two.upstream.failure = new Error('down')
    await other.get()
    await mine.invalidate(value)
    await clock.advance(1)
    expect(other.peek()).toBeUndefined()
    expect(upstream.calls).toBe(1)
  })
})
