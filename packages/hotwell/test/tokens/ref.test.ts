import fc from 'fast-check'
import { isHotwellError, isSelector, makeRef, parseRef, type RefParts } from 'hotwell'
import { describe, expect, test } from 'vitest'

const runs = process.env.HOTWELL_TEST_SCALE === 'long' ? 20_000 : 500

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/)
const subject = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter(text => Buffer.byteLength(text) <= 256 && text !== '.' && text !== '..')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are refused
  .filter(text => text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(text))
const scopes = fc.array(fc.stringMatching(/^[a-z:._/-]{1,12}$/), { minLength: 1, maxLength: 5 })
const parts: fc.Arbitrary<RefParts> = fc.record(
  { provider: name, kind: name.map(kind => `${kind}x`), subject, scope: scopes, audience: fc.webUrl() },
  { requiredKeys: ['provider', 'kind', 'subject'] },
)

function refusalOf(text: string): string {
  try {
    return `taken: ${parseRef(text).canonical}`
  } catch (error) {
    if (!isHotwellError(error, 'invalid_ref')) throw error
    return error.message
  }
}

describe('a ref', () => {
  test('survives being written and read, whatever its subject is made of', () => {
    fc.assert(
      fc.property(parts, given => {
        const ref = makeRef(given)
        const read = parseRef(ref.canonical)
        expect(read).toEqual(ref)
        expect(read.subject).toBe(given.subject)
        expect(ref.canonical.split('?')[0]!.split('/')).toHaveLength(3)
      }),
      { numRuns: runs },
    )
  })

  test('has one canonical form, in whatever order and however often its scopes are named', () => {
    fc.assert(
      fc.property(scopes, fc.integer(), (list, seed) => {
        const shuffled = [...list, ...list].sort((a, b) => (a + seed < b + seed ? 1 : -1))
        const one = makeRef({ provider: 'crm', kind: 'client', scope: list })
        expect(makeRef({ provider: 'crm', kind: 'client', scope: shuffled.join(' ') }).canonical).toBe(one.canonical)
        expect(parseRef(`crm/client?scope=${encodeURIComponent(shuffled.join(' '))}`).canonical).toBe(one.canonical)
      }),
      { numRuns: runs },
    )
  })

  test('is refused with a clear error or read, but nothing else ever happens', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.webUrl(), fc.webPath()), text => {
        const answer = refusalOf(text)
        expect(answer).toMatch(/^taken: |is not valid/)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
        expect(answer).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      }),
      { numRuns: runs },
    )
  })

  test.each([
    ['it is empty', ''],
    ['provider/kind', 'feishu'],
    ['needs a subject', 'feishu/tenant'],
    ['takes no subject', 'feishu/app/acme'],
    ['the subject is empty', 'feishu/tenant/'],
    ['a slash in a subject written as %2F', 'feishu/tenant/a/b'],
    ['has to match', 'Feishu/app'],
    ['percent-encoded UTF-8', 'feishu/tenant/%ff'],
    ['control characters', 'feishu/tenant/%00'],
    ['relative path', 'feishu/tenant/..'],
    ['relative path', 'feishu/tenant/%2e%2e'],
    ['300 bytes', `feishu/tenant/${'x'.repeat(300)}`],
    ['longer than', `feishu/tenant/${'x'.repeat(5000)}`],
    ['"grant" is no parameter', 'crm/client?grant=all'],
    ['stands twice', 'crm/client?scope=a&scope=b'],
    ['the scope is empty', 'crm/client?scope='],
    ['characters that a scope cannot have', 'crm/client?scope=%22'],
    ['empty or holds control', 'crm/client?audience='],
  ])('is refused and told why: %s', (why, text) => {
    expect(refusalOf(text)).toContain(why)
  })

  test('keeps case, slashes and signs of a subject apart', () => {
    const all = ['a/b', 'a%2Fb', 'A/B', 'a b', 'a+b', '\u00e9', 'e\u0301', '🔑', 'refresh', '-', '?x=1', '#x']
    const canonical = all.map(text => makeRef({ provider: 'site', kind: 'user', subject: text }).canonical)
    expect(new Set(canonical).size).toBe(all.length)
    expect(canonical.map(text => parseRef(text).subject)).toEqual(all)
  })

  test('of a site without an account is a selector', () => {
    expect(isSelector(parseRef('court_zxfw/account'))).toBe(true)
    expect(isSelector(parseRef('court_zxfw/account/zhang'))).toBe(false)
    expect(isSelector(parseRef('crm/client'))).toBe(false)
  })
})
