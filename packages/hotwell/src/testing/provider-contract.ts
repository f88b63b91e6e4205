import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { isHotwellError } from '../core/errors.ts'
import { attachBearer } from '../tokens/authorized-fetch.ts'
import { acquisitionStatuses, failureOf } from '../tokens/failure.ts'
import { type AcquiredToken, type AcquireRequest, identityOf, type Provider } from '../tokens/provider.ts'
import { parseRef } from '../tokens/ref.ts'
import { FakeClock } from './fake-clock.ts'
import { type HostileReply, hostileReplies, type TokenReply } from './hostile-replies.ts'

/** `test` of Vitest, of node:test, or of whatever registers a named test. */
export type RegisterTest = (name: string, body: () => Promise<void>) => unknown

/** One provider with what it talks to, made anew for each test of the contract. */
export interface ProviderSubject {
  provider: Provider
  /** A ref that it can issue a token for, with any provider key: `feishu/tenant/acme`. */
  ref: string
  /** What must never show: client secrets, passwords, configured tokens. */
  secrets: readonly string[]
  /** Subjects of refs that it must refuse. */
  unknownRef?: string
  /** A reply by which its API rejects a token. Default: HTTP 401. */
  rejection?: { status: number; headers?: Record<string, string>; body?: unknown }
  /** A reply of its API to a good token. Default: HTTP 200 with an empty object. */
  acceptance?: { status: number; body?: unknown }
  /** Where its API wants the token. Default: `authorization: Bearer <token>`. */
  findToken?: (request: Request) => string | null
  /** Steers what it talks to. Leave out for a provider that talks to nobody. */
  upstream?: UpstreamControl
  close?(): Promise<void> | void
}

export interface UpstreamControl {
  /** From now on every request for a token is answered like this; undefined: properly again. */
  answer(reply: HostileReply | undefined): void
  /** A proper reply with this token and life in it; an undefined one is left out. */
  tokenReply: TokenReply
  /** How many requests for a token have come. */
  requests(): number
}

/**
 * What the manager relies on in every provider, as tests. Register it for a provider of one's own:
 * `providerContract(test, 'court', { make: async () => ({ provider, ref, secrets, upstream }) })`.
 */
export function providerContract(
  test: RegisterTest,
  name: string,
  options: { make: () => Promise<ProviderSubject>; upstream?: boolean },
): void {
  const { make, upstream: talks = true } = options
  const promise = (promised: string, body: (subject: ProviderSubject) => Promise<void>) =>
    test(`${name}: ${promised}`, async () => {
      const subject = await make()
      try {
        await body(subject)
      } finally {
        await subject.close?.()
      }
    })

  promise('declares its kinds and an identity that holds no secret', async ({ provider, ref: text, secrets }) => {
    const ref = parseRef(text)
    assert.ok(provider.kinds.includes(ref.kind), `kinds lack "${ref.kind}"`)
    for (const kind of provider.kinds) assert.match(kind, /^[a-z][a-z0-9_-]{0,63}$/)
    const identity = identityOf(provider, ref)
    assert.equal(typeof identity, 'string')
    assert.notEqual(identity, '')
    assert.equal(identityOf(provider, ref), identity, 'the identity changes from call to call')
    assertHides([identity, provider.credentialVersion, provider], secrets)
  })

  promise('knows its own subjects and refuses others', async ({ provider, ref, unknownRef }) => {
    assert.notEqual(provider.knows?.(parseRef(ref)), false)
    if (unknownRef !== undefined) assert.equal(provider.knows?.(parseRef(unknownRef)), false)
  })

  promise('obtains a token that lives, and leaves no timer behind', async subject => {
    const clock = new FakeClock({ startAt: Date.now() })
    assertToken(await acquire(subject, undefined, { clock }))
    assert.equal(clock.pending, 0)
  })

  promise('does nothing for somebody who has left already', async subject => {
    const before = subject.upstream?.requests()
    const reason = new Error('left')
    await assert.rejects(acquire(subject, AbortSignal.abort(reason)), error => error === reason)
    assert.equal(subject.upstream?.requests(), before)
  })

  promise('puts the token where the API looks for it, and leaves the rest of the request alone', async subject => {
    const { provider, findToken = bearerOf } = subject
    const request = new Request('https://api.example.com/things?page=2', { method: 'POST', body: 'kept' })
    const attached = (provider.attach ?? attachBearer)(request, 'some-token')
    assert.equal(findToken(attached), 'some-token')
    assert.equal(attached.method, 'POST')
    assert.equal(await attached.text(), 'kept')
    const { origin, pathname, searchParams } = new URL(attached.url)
    assert.equal(origin + pathname, 'https://api.example.com/things')
    assert.equal(searchParams.get('page'), '2')
  })

  promise('recognises a rejected token, and no other reply as one', async subject => {
    const { provider, rejection = { status: 401 }, acceptance = { status: 200, body: {} } } = subject
    const rejects = provider.rejects?.bind(provider) ?? (reply => reply.status === 401)
    const reply = { headers: new Headers(rejection.headers), body: undefined, ...rejection }
    assert.equal(rejects({ ...reply, headers: new Headers(rejection.headers) }), true)
    assert.equal(rejects({ headers: new Headers(), body: undefined, ...acceptance }), false)
    for (const body of [undefined, null, 0, '', 'text', [], {}, { code: {} }, { code: null }]) {
      assert.equal(rejects({ status: 200, headers: new Headers(), body }), false, `rejected by ${inspect(body)}`)
    }
  })

  if (!talks) return

  promise('lets go as soon as it is told to while it waits', async subject => {
    subject.upstream!.answer('hang')
    const controller = new AbortController()
    const reason = new Error('left')
    const before = subject.upstream!.requests()
    const acquired = acquire(subject, controller.signal)
    acquired.catch(() => {})
    while (subject.upstream!.requests() === before) await new Promise(resolve => setImmediate(resolve))
    controller.abort(reason)
    await assert.rejects(acquired, error => error === reason)
  })

  promise('takes a token of one second and one of 100 kB', async subject => {
    const { answer, tokenReply } = subject.upstream!
    for (const [token, life] of [
      ['brief', 1],
      ['x'.repeat(100 * 1024), 7200],
    ] as const) {
      answer(tokenReply(token, life))
      const { value, expiresInSeconds } = await acquire(subject)
      assert.equal(value, token)
      assert.equal(expiresInSeconds, life)
    }
  })

  for (const hostile of hostileReplies) {
    promise(`survives ${hostile.name}`, async subject => {
      const { answer, tokenReply } = subject.upstream!
      const echo = [...subject.secrets, 'token-of-this-test-0123456789'].join(' ')
      answer(hostile.reply({ tokenReply, token: 'token-of-this-test-0123456789', echo }))
      const error = await acquire(subject).then(
        token => {
          assertToken(token)
          assert.ok(hostile.mayPass, `took ${inspect(token, { maxStringLength: 80 })}`)
        },
        (error: unknown) => error,
      )
      if (error === undefined) return
      assert.ok(isHotwellError(error), `threw an error that nobody sorted: ${inspect(error)}`)
      const { status, disposition } = failureOf(error)
      assert.ok(hostile.statuses.includes(status), `sorted as ${status}`)
      assert.ok(acquisitionStatuses.includes(status))
      assert.ok(['terminal', 'retryable', 'uncertain'].includes(disposition))
      if (hostile.retryAfterMs !== undefined) assert.equal(error.retryAfterMs, hostile.retryAfterMs)
      assert.ok(error.message.length > 20, 'the message does not help')
      assertHides([error], [...subject.secrets, 'token-of-this-test-0123456789'])
      answer(undefined)
      assertToken(await acquire(subject))
    })
  }
}

/** Calls a provider as the manager does. */
export function acquire(
  { provider, ref }: Pick<ProviderSubject, 'provider' | 'ref'>,
  signal: AbortSignal = new AbortController().signal,
  more: Partial<AcquireRequest> = {},
): Promise<AcquiredToken> {
  const clock = new FakeClock({ startAt: Date.now() })
  const request = { ref: parseRef(ref), signal, clock, trigger: 'no_token', attempt: 1, note() {}, ...more } as const
  return provider.acquire(request)
}

function assertToken(token: AcquiredToken): void {
  assert.equal(typeof token.value, 'string')
  assert.notEqual(token.value, '')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  assert.doesNotMatch(token.value, /[\u0000-\u001f\u007f]/)
  assert.ok(token.expiresInSeconds > 0, `a life of ${token.expiresInSeconds}`)
}

/** However it is printed, none of the secrets shows. */
function assertHides(values: readonly unknown[], secrets: readonly string[]): void {
  for (const value of values) {
    const forms = [inspect(value, { depth: 12, showHidden: true, maxStringLength: null }), stringified(value)]
    if (value instanceof Error) forms.push(value.message, value.stack ?? '', String(value))
    for (const secret of secrets) {
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
        assert.ok(!forms.some(text => text.includes(form)), 'a secret or token shows when it is printed')
      }
    }
  }
}

function stringified(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

function bearerOf(request: Request): string | null {
  return request.headers.get('authorization')?.match(/^Bearer (.*)$/)?.[1] ?? null
}
