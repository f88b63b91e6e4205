import { expect, test } from 'vitest'
import { providerFailure } from '../../src/tokens/failure.ts'
import { hiddenFields } from '../../src/tokens/hidden-fields.ts'
import { loginRetryPlan } from '../../src/tokens/retry-plan.ts'
import { SiteCookies } from '../../src/tokens/site-cookies.ts'

const now = Date.parse('2026-04-01T10:00:00Z')

function reply(...cookies: string[]): Headers {
  return new Headers(cookies.map(cookie => ['set-cookie', cookie] as [string, string]))
}

test('the hidden fields are those of the form with the password', () => {
  const search = '<form><input type="hidden" name="token" value="of the search"><input name="q"></form>'
  const login =
    "<FORM method=post><input name='token' TYPE=hidden value='a&amp;b &#20013;'><input type=\"password\"></FORM>"
  expect(hiddenFields(`${search}${login}<input type="hidden" name="late" value="1">`)).toEqual({ token: 'a&b 中' })
  expect(hiddenFields(search), 'without such a form, of the page').toEqual({ token: 'of the search' })
})

test('a cookie is sent until the site deletes it, by emptying it, by Max-Age or by Expires', () => {
  for (const deletion of ['visit=', 'visit=x; Max-Age=0', 'visit=x; Expires=Wed, 01 Apr 2026 09:59:59 GMT']) {
    const cookies = new SiteCookies()
    expect(cookies.take(reply('visit=a; Path=/', 'other=b'), now).get('visit')).toEqual({ value: 'a' })
    expect(cookies.headers()).toEqual({ cookie: 'visit=a; other=b' })
    expect(cookies.take(reply(deletion), now).size).toBe(0)
    expect(cookies.headers(), deletion).toEqual({ cookie: 'other=b' })
  }
})

test('a login that timed out is not sent again, even if the password had not left', () => {
  const early = providerFailure({
    code: 'timeout',
    message: 'slow',
    disposition: 'retryable',
    details: { sent: false },
  })
  expect(loginRetryPlan().pauseAfter(early)).toBeUndefined()
  const refused = providerFailure({ status: 'network_error', message: 'refused', details: { sent: false } })
  expect(loginRetryPlan().pauseAfter(refused), 'control').toBe(1000)
})

test('a connection that is lost is tried again three times, but once where the password may have left', () => {
  const lost = (sent: boolean) => providerFailure({ status: 'network_error', message: 'lost', details: { sent } })
  const pauses = (error: Error) => {
    const plan = loginRetryPlan()
    return Array.from({ length: 4 }, () => plan.pauseAfter(error))
  }
  expect(pauses(lost(false))).toEqual([1000, 2000, 4000, undefined])
  expect(pauses(lost(true))).toEqual([1000, undefined, undefined, undefined])
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  expect(pauses(new TypeError('fetch failed', { cause: refused }))).toEqual([1000, 2000, 4000, undefined])
})
