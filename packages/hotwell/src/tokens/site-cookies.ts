/** The cookies of one login, for one host. They live as long as the login, so paths are not looked at. */
export class SiteCookies {
  readonly #values = new Map<string, string>()

  /**
   * @param nowMs wall clock of the site
   * @returns the cookies that this reply set, without those it deleted
   */
  take(headers: Headers, nowMs: number): ReadonlyMap<string, { value: string; maxAgeSeconds?: number }> {
    const taken = new Map<string, { value: string; maxAgeSeconds?: number }>()
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      if (at < 1 || name === '') continue
      const value = pair.slice(at + 1).trim()
      const maxAgeSeconds = maxAgeOf(attributes, nowMs)
      if (value === '' || (maxAgeSeconds !== undefined && maxAgeSeconds <= 0)) this.#values.delete(name)
      else {
        this.#values.set(name, value)
        taken.set(name, { value, maxAgeSeconds })
      }
    }
    return taken
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  /** The `cookie` header, or no header. */
  headers(): Record<string, string> {
    const pairs = [...this.#values].map(([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') }
  }
}

/** `Max-Age` comes before `Expires`: RFC 6265 section 5.3. */
function maxAgeOf(attributes: readonly string[], nowMs: number): number | undefined {
  const told = (what: RegExp) => attributes.map(text => text.trim().match(what)?.[1]).find(Boolean)
  const maxAge = told(/^max-age\s*=\s*(-?\d{1,15})$/i)
  if (maxAge !== undefined) return Number(maxAge)
  const ends = Date.parse(told(/^expires\s*=\s*(.{1,64})$/i) ?? '')
  return Number.isNaN(ends) ? undefined : (ends - nowMs) / 1000
}
