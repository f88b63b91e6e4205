import { HotwellError } from 'hotwell'

export const accountsPath = '/api/v1/accounts'
export const blacklistPath = '/api/v1/blacklist'

/** An account as people name it. */
export interface AccountTarget {
  site: string
  account: string
}

/**
 * The account that a URL names in its last two segments. Read from the URL as it came: a router that decodes the path
 * first would turn `%2F` inside a name into the end of it.
 * @throws HotwellError `invalid_request` for what is not percent-encoded UTF-8
 */
export function accountTarget(url: string): AccountTarget {
  const [site, account] = url.split('?', 1)[0]!.split('/').slice(-2) as [string, string]
  try {
    return { site: decodeURIComponent(site), account: decodeURIComponent(account) }
  } catch {
    throw new HotwellError('invalid_request', 'The site or the account in the URL is not percent-encoded UTF-8.')
  }
}

/** The canonical ref of an account's token: what the patterns of API keys are compared with. */
export function accountRef({ site, account }: AccountTarget): string {
  return `${site}/account/${encodeURIComponent(account)}`
}
