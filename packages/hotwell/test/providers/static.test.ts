import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { acquire } from '../../src/testing/provider-contract.ts'
import { failureOf } from '../../src/tokens/failure.ts'
import { identityOf } from '../../src/tokens/provider.ts'
import { staticToken } from '../../src/tokens/providers/static.ts'
import { parseRef } from '../../src/tokens/ref.ts'

test('a token without an end lives for ever', async () => {
  const provider = staticToken({ value: 'v1' })
  expect(provider.kinds).toEqual(['app'])
  expect(await acquire({ provider, ref: 'fixed/app' })).toEqual({ value: 'v1', expiresInSeconds: Infinity })
})

test('tokens are found by kind and subject, and their kinds declared', async () => {
  const provider = staticToken({ tokens: { 'tenant/acme': 'v1', 'tenant/a%2Fb': 'v2', client: 'v3' } })
  expect(provider.kinds).toEqual(['tenant', 'client'])
  expect((await acquire({ provider, ref: 'fixed/tenant/a%2fb' })).value).toBe('v2')
  expect((await acquire({ provider, ref: 'fixed/client' })).value).toBe('v3')
  await expect(acquire({ provider, ref: 'fixed/tenant/other' })).rejects.toMatchObject({ code: 'unknown_subject' })
})

test('a token that has ended is not handed out: the configuration has to change', async () => {
  const clock = new FakeClock({ startAt: Date.parse('2026-01-01T00:00:00Z') })
  const provider = staticToken({ value: 'v1', expiresAt: '2026-01-01T01:00:00Z' })
  const at = { provider, ref: 'fixed/app' }
  expect((await acquire(at, undefined, { clock })).expiresInSeconds).toBe(3600)
  await clock.advance(3_600_000)
  const error = await acquire(at, undefined, { clock }).catch(cause => cause)
  expect(error.message).toContain('2026-01-01T01:00:00.000Z')
  expect(failureOf(error)).toMatchObject({ disposition: 'terminal', scope: 'ref', status: 'credential_error' })
})

test('a replaced value is another token, so that no store serves the former one', () => {
  const ref = parseRef('fixed/tenant/acme')
  const [before, after] = ['v1', 'v2'].map(value => staticToken({ tokens: { 'tenant/acme': value, app: 'v3' } }))
  expect(identityOf(after!, ref)).not.toBe(identityOf(before!, ref))
  expect(identityOf(after!, parseRef('fixed/app'))).toBe(identityOf(before!, parseRef('fixed/app')))
})

describe('configuration', () => {
  const wrong = [
    [{}, 'value'],
    [{ value: '' }, 'value'],
    [{ value: 'a\nb' }, 'control characters'],
    [{ tokens: {} }, 'tokens'],
    [{ tokens: { tenant: 'v' } }, 'needs a subject'],
    [{ tokens: { 'tenant/acme': '' } }, 'tokens["tenant/acme"]'],
    [{ value: 'v', expiresAt: 'soon' }, 'no date'],
    [{ value: 'v', expires: 1 }, 'expires'],
  ] as const
  for (const [options, named] of wrong) {
    test(`a wrong configuration is refused and names what is wrong: ${named}`, () => {
      const make = () => staticToken(options as never)
      expect(make).toThrowError(expect.objectContaining({ code: 'invalid_configuration' }))
      expect(make).toThrowError(named)
    })
  }
})
