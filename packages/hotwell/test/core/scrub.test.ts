import { scrub } from 'hotwell/core'
import { expect, test } from 'vitest'

test('what is known as a secret, what stands behind a telling name and what authorizes is taken out', () => {
  expect(scrub('app s3cr3t/1 and s3cr3t%2F1 refused', ['s3cr3t/1'])).toBe('app [redacted] and [redacted] refused')
  expect(scrub('{"access_token":"abc","code":1}')).toBe('{"access_token":[redacted],"code":1}')
  expect(scrub('password=abc&user=zhang')).toBe('password=[redacted]&user=zhang')
  expect(scrub('sent Bearer abc.def-ghi')).toBe('sent Bearer [redacted]')
})

test('a clean text stays as it is', () => {
  for (const text of ['{"app_secret": "abc"}', 'token: abc', 'Authorization: Bearer abcdefgh', 'the token expired']) {
    const clean = scrub(text)
    expect(scrub(clean)).toBe(clean)
  }
})
