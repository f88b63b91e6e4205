import { describe, expect, test } from 'vitest'
import { acquire } from '../../src/testing/provider-contract.ts'
import { custom } from '../../src/tokens/providers/custom.ts'

const kinds = ['account'] as const
const ref = 'court/account/zhang'

test('what acquire returns is the token, and only what is known of it is kept', async () => {
  const token = { value: 'v', expiresInSeconds: 60, grant: { value: 'g' }, password: 'p' }
  const provider = custom({ kinds, acquire: () => token })
  expect(await acquire({ provider, ref })).toEqual({ value: 'v', expiresInSeconds: 60, grant: { value: 'g' } })
})

test('an error of one\u2019s own comes through as it is', async () => {
  const mine = new Error('captcha')
  const provider = custom({
    kinds,
    acquire: () => {
      throw mine
    },
  })
  await expect(acquire({ provider, ref })).rejects.toBe(mine)
})

describe('a token that is none is refused by saying why, without showing it', () => {
  const wrong = [
    [undefined, 'instead of a token'],
    ['secret-token', 'instead of a token'],
    [{ expiresInSeconds: 60 }, 'no token'],
    [{ value: 'secret-token' }, 'how long it lives'],
    [{ value: 'secret-token', expiresInSeconds: '60' }, 'type string'],
    [{ value: 'secret-token', expiresInSeconds: Number.NaN }, 'NaN'],
    [{ value: 'secret-token\n', expiresInSeconds: 60 }, 'control characters'],
    [{ value: 'x'.repeat(131_073), expiresInSeconds: 60 }, '131073 bytes'],
    [{ value: 'secret-token', expiresInSeconds: 60, grant: {} }, 'refresh token'],
    [{ value: 'secret-token', expiresInSeconds: 60, serverDate: Number.NaN }, 'server date'],
  ] as const
  for (const [token, why] of wrong) {
    test(why, async () => {
      const error = await acquire({ provider: custom({ kinds, acquire: () => token as never }), ref }).catch(e => e)
      expect(error.code).toBe('provider_error')
      expect(error.message).toContain(why)
      expect(error.message).not.toContain('secret-token')
    })
  }
})

test('it stands in for its key where it has no identity of its own', () => {
  expect(custom({ kinds, acquire: async () => ({ value: 'v', expiresInSeconds: 1 }) }).identity).toBe('custom')
})

describe('configuration', () => {
  const right = { kinds, acquire: async () => ({ value: 'v', expiresInSeconds: 1 }) }
  const wrong = [
    [{ ...right, kinds: [] }, 'kinds'],
    [{ ...right, kinds: ['Account'] }, 'Account'],
    [{ ...right, acquire: 'x' }, 'acquire'],
    [{ ...right, aquire: right.acquire }, 'aquire'],
    [{ ...right, identity: '' }, 'identity'],
    [{ ...right, rejects: true }, 'rejects'],
    [{ ...right, parameters: ['tenant'] }, 'tenant'],
    [{ ...right, scopes: ['read'] }, 'parameters'],
    [{ ...right, notBeforeSeconds: -1 }, 'notBeforeSeconds'],
    [{ ...right, baseUrls: ['api.example.com'] }, 'baseUrls'],
    [{ ...right, quota: { perSecond: -1 } }, 'quota'],
    [undefined, 'object'],
  ] as const
  for (const [options, named] of wrong) {
    test(`a wrong configuration is refused and names what is wrong: ${named}`, () => {
      const make = () => custom(options as never)
      expect(make).toThrowError(expect.objectContaining({ code: 'invalid_configuration' }))
      expect(make).toThrowError(named)
    })
  }
})
