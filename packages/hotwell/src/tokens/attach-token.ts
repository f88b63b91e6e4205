/** Where an API wants its token. */
export type TokenPlace =
  | { header: string /** Before the token, as in `Bearer `. Default: nothing. */; prefix?: string }
  | { query: string }
  | { cookie: string }

/** Puts a token into a request, in place of one that is there; the rest of the request stays. */
export function attachAt(place: TokenPlace): (request: Request, token: string) => Request {
  if ('query' in place) {
    return (request, token) => {
      const url = new URL(request.url)
      url.searchParams.set(place.query, token)
      return new Request(url, request)
    }
  }
  return (request, token) => {
    const headers = new Headers(request.headers)
    if ('cookie' in place) headers.set('cookie', withCookie(headers.get('cookie') ?? '', place.cookie, token))
    else headers.set(place.header, `${place.prefix ?? ''}${token}`)
    return new Request(request, { headers })
  }
}

function withCookie(cookies: string, name: string, value: string): string {
  const others = cookies.split(/;\s*/).filter(pair => pair !== '' && !pair.startsWith(`${name}=`))
  return [...others, `${name}=${value}`].join('; ')
}
