import { inspect } from 'node:util'
import { type AcquiredToken, isHotwellError, providerFailure } from 'hotwell'
import { memory } from 'hotwell/stores/memory'
import { FakeClock } from 'hotwell/testing'
import { describe, expect, test } from 'vitest'
import { OuterStore } from './outer-store.ts'
import { after, apiOf, failureOfCall, now, scene, Upstream } from './scene.ts'

const second = 1000
const secret = 'sec"ret\\of-the-client-0123456789'
const grant = 'gr\\nt-of-the-client-9876543210'

/** Everything that a person or a program can see of an error. */
function shown(error: unknown): string {
  const text = inspect(error, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null })
  return `${text} ${JSON.stringify(error)} ${String(error)} ${(error as Error).stack}`
}

describe('what a provider returns', () => {
  const hostile: [string, unknown, RegExp][] = [
    ['HTML', '<html>502 Bad Gateway</html>', /of type string/],
    ['nothing', undefined, /undefined/],
    ['null', null, /null/],
    ['a list', [], /no token/],
    ['no value', { expiresInSeconds: 60 }, /no token/],
    ['an empty token', { value: '', expiresInSeconds: 60 }, /empty token/],
    ['a number for a token', { value: 42, expiresInSeconds: 60 }, /of type number/],
    ['control characters', { value: 'bad\r\nX-Evil: 1', expiresInSeconds: 60 }, /control characters/],
    ['a token of a megabyte', { value: 'x'.repeat(1 << 20), expiresInSeconds: 60 }, /bytes/],
    ['no expiry', { value: 'stolen-token-1' }, /how long it lives/],
    ['a negative expiry', { value: 'stolen-token-1', expiresInSeconds: -1 }, /-1 seconds/],
    ['an expiry of 0', { value: 'stolen-token-1', expiresInSeconds: 0 }, /above 0/],
    ['NaN for an expiry', { value: 'stolen-token-1', expiresInSeconds: Number.NaN }, /NaN/],
    ['a text for an expiry', { value: 'stolen-token-1', expiresInSeconds: '7200' }, /of type string/],
  ]
  for (const [name, answer, message] of hostile) {
    test(`${name}: a typed error that says what is wrong, and shows no token`, async () => {
      // Through the checks of custom(), and straight, as from a provider that checks nothing.
      for (const straight of [false, true]) {
        const upstream = new Upstream()
        upstream.answer = () => answer as AcquiredToken
        const { clock, tokens } = scene({ preheat: false, upstream })
        if (straight) {
          const provider = { ...apiOf(upstream), acquire: upstream.acquire }
          tokens.reconfigure({ providers: { api: provider }, preheat: false })
        }
        const error = await after(clock, 20 * second, failureOfCall(tokens.token('api/app').get()))
        expect(isHotwellError(error, 'provider_error')).toBe(true)
        expect(error.message).toMatch(message)
        expect(shown(error)).not.toMatch(/stolen-token-1|xxxxxxxx|X-Evil/)
        expect(tokens.token('api/app').peek()).toBeUndefined()
        expect(tokens.gateUsage().running).toBe(0)
      }
    })
  }

  test('a token of 100 kB is a token', async () => {
    const value = 'x'.repeat(100 * 1024)
    const upstream = new Upstream()
    upstream.answer = () => ({ value, expiresInSeconds: 60 })
    const { clock, tokens } = scene({ preheat: false, upstream })
    expect(await after(clock, 200, tokens.token('api/app').get())).toBe(value)
  })

  test('a reply out of a cache on the way lives as much shorter as it is older than the others', async () => {
    const upstream = new Upstream()
    let ageMs = 0
    upstream.answer = request => ({ ...upstream.issue(request), serverDate: request.clock.now() - ageMs })
    const { clock, tokens, records } = scene({ preheat: false, upstream })
    for (let i = 0; i < 3; i++) await after(clock, 200, tokens.token('api/app').refresh())
    ageMs = 600 * second
    await after(clock, 200, tokens.token('api/app').refresh())
    expect(tokens.token('api/app').inspect().expirySeconds()).toBeLessThanOrEqual(6600)
    // One that would be dead already is asked for again.
    upstream.answer = request => {
      upstream.answer = undefined
      return { ...upstream.issue(request), serverDate: request.clock.now() - 8000 * second }
    }
    expect((await after(clock, 20 * second, tokens.token('api/app').refresh())).value).toBe('token-6-of-app')
    expect(records.at(-1)).toMatchObject({ attempts: 2, status: 'success' })
  })
})

describe('what a provider throws', () => {
  const nasty: [string, () => never][] = [
    ['an error', () => { throw new Error('boom') }],
    ['a text', () => { throw 'boom' }],
    ['nothing', () => { throw undefined }],
    ['an object without a prototype', () => { throw Object.create(null) }],
    ['an object whose text throws', () => { throw { toString() { throw new Error('no') } } }],
    ['a symbol', () => { throw Symbol('boom') }],
  ] // biome-ignore format: one line each
  for (const [name, acquire] of nasty) {
    test(`${name}, also synchronously: a typed error, and nothing is held any more`, async () => {
      const { clock, store, tokens, upstream } = scene({ preheat: false })
      const provider = { ...apiOf(upstream), acquire }
      tokens.reconfigure({ providers: { api: provider }, preheat: false })
      const error = await after(clock, 20 * second, failureOfCall(tokens.token('api/app').get()))
      expect(isHotwellError(error, 'provider_error')).toBe(true)
      expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0 })
      await clock.advance(10 * second)
      const other = scene({ preheat: false, clock, store, node: 'two' })
      expect(await after(clock, 200, other.tokens.token('api/app').get())).toBe('token-1-of-app')
    })
  }

  test('nothing, ever, ignoring its signal: the deadline ends it with a typed error', async () => {
    const { clock, tokens, upstream } = scene({ preheat: false, gate: { acquisitionTimeoutSeconds: 30 } })
    tokens.reconfigure({
      providers: { api: { ...apiOf(upstream), acquire: () => new Promise(() => {}) } },
      preheat: false,
      gate: { acquisitionTimeoutSeconds: 30 },
    })
    const value = tokens.token('api/app').get()
    value.catch(() => {})
    await clock.advance(29 * second)
    expect(await now(value)).toBe('pending')
    expect(await after(clock, 2 * second, failureOfCall(value))).toMatchObject({ code: 'timeout' })
    expect(tokens.gateUsage()).toMatchObject({ running: 0, reclaimed: 1 })
  })
})

describe('at its deadline', () => {
  const gate = { acquisitionTimeoutSeconds: 30, quarantineSeconds: 60 }
  const stubborn = (upstream: Upstream, settleAfterMs: number, fails: boolean) => ({
    ...apiOf(upstream),
    acquire: async (request: Parameters<Upstream['acquire']>[0]) => {
      upstream.requests.push(request)
      await new Promise<void>(resolve => request.clock.schedule(() => resolve(), settleAfterMs))
      if (fails) throw new Error('too late')
      return upstream.issue(request)
    },
  })

  test('a success that comes late is still the token', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    tokens.reconfigure({ providers: { api: stubborn(upstream, 35 * second, false) }, preheat: false, gate })
    const app = tokens.token('api/app')
    await after(clock, 31 * second, failureOfCall(app.get()))
    await clock.advance(5 * second)
    expect(app.peek()).toBe('token-1-of-app')
    expect(app.inspect()).toMatchObject({ state: 'fresh', failure: undefined })
    expect(app.inspect().expirySeconds()).toBeLessThanOrEqual(7200 - 35)
    expect(records.map(({ status }) => status)).toEqual(['timeout'])
  })

  test('a success that comes late is the token of this process also when the store fails', async () => {
    const clock = new FakeClock()
    const store = new OuterStore(memory({ clock }))
    const { tokens, upstream } = scene({ preheat: false, clock, store })
    tokens.reconfigure({ providers: { api: stubborn(upstream, 35 * second, false) }, preheat: false, gate })
    const app = tokens.token('api/app')
    await after(clock, 31 * second, failureOfCall(app.get()))
    store.breakDown()
    await clock.advance(5 * second)
    expect(app.peek()).toBe('token-1-of-app')
  })

  test('a failure that comes late changes nothing', async () => {
    const { clock, tokens, upstream, records } = scene({ preheat: false })
    tokens.reconfigure({ providers: { api: stubborn(upstream, 35 * second, true) }, preheat: false, gate })
    const app = tokens.token('api/app')
    await after(clock, 31 * second, failureOfCall(app.get()))
    const { failure } = app.inspect()
    await clock.advance(5 * second)
    expect(app.inspect().failure).toEqual(failure)
    expect(records.length).toBe(1)
  })

  test("an account's slot stays taken until its login has settled", async () => {
    const { clock, tokens, upstream } = scene({ preheat: false })
    tokens.reconfigure({ providers: { api: stubborn(upstream, 50 * second, true) }, preheat: false, gate })
    const zhang = tokens.token('api/account/zhang')
    await after(clock, 31 * second, failureOfCall(zhang.get()))
    expect(tokens.gateUsage().running).toBe(0)
    zhang.refresh().catch(() => {})
    await clock.advance(15 * second)
    expect(upstream.calls).toBe(1)
    await clock.advance(6 * second)
    expect(upstream.calls).toBe(2)
  })
})

describe('secrets', () => {
  test('no error, cause, event, log line, inspection or JSON holds a token, a grant or a needed token', async () => {
    const seen: string[] = []
    const note = (...given: unknown[]) => void seen.push(given.map(shown).join(' '))
    const upstream = new Upstream()
    const big = `${'y'.repeat(20_000)}-of-app`
    const values = [secret, grant, big]
    const provider = { dependsOn: ({ kind }: { kind: string }) => (kind === 'user' ? 'api/app' : undefined) }
    upstream.answer = ({ ref }) => ({
      value: ref.kind === 'app' ? big : secret,
      expiresInSeconds: 7200,
      grant: { value: grant },
    })
    const logger = { debug: note, info: note, warn: note, error: note }
    const { clock, store, tokens } = scene({ preheat: false, upstream, provider, logger, logHits: true })
    const names = ['acquisition.started', 'acquisition.finished', 'token.adopted', 'token.invalidated'] as const
    for (const name of [...names, 'breaker.opened', 'store.failed'] as const) {
      tokens.on(name, event => {
        expect(Object.isFrozen(event)).toBe(true)
        note(event)
      })
    }
    const user = tokens.token('api/user/zhang')
    await after(clock, 300, user.get())
    for (const make of [
      (text: string) => new Error(`the server said ${text}`),
      (text: string) => Object.assign(new Error('failed'), { request: { headers: { deep: { er: [text] } } } }),
      (text: string) => new Error('outer', { cause: new Error(text) }),
      (text: string) => text,
      (text: string) => ({ text }),
      (text: string) => providerFailure({ message: `said ${text}`, details: { text }, cause: { text } }),
    ]) {
      for (const value of values) {
        upstream.failure = make(value)
        note(await after(clock, 30 * second, failureOfCall(user.refresh())))
        // A process that knows what is secret from the store alone.
        const cold = scene({ preheat: false, clock, store, upstream, provider, logger, node: 'cold' })
        await after(clock, 1, cold.tokens.token('api/app').get())
        note(await after(clock, 30 * second, failureOfCall(cold.tokens.token('api/user/zhang').refresh())))
        upstream.failure = undefined
      }
    }
    note(user, tokens, user.inspect(), tokens.list(), tokens.health(), tokens.metrics.snapshot(), tokens.gateUsage())
    note(await tokens.ready())
    await user.invalidate()
    const all = seen.join('\n')
    expect(seen.length).toBeGreaterThan(20)
    for (const value of [...values, JSON.stringify(secret).slice(1, -1)]) {
      expect(all.includes(value), `${value.slice(0, 20)}…`).toBe(false)
    }
  })
})
