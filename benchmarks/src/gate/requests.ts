import type { GateRequest } from 'hotwell/concurrency'

export const siteCount = 20

/** As the acquirer makes them: all under the one signal that aborts when the manager closes. */
const closing = new AbortController().signal

/** So many tenants of one provider. */
export function tenantRequests(count: number, signal = closing): GateRequest[] {
  return Array.from({ length: count }, (_, index) => {
    return { provider: 'feishu', kind: 'tenant', subject: `tenant-${index}`, priority: 'foreground', signal }
  })
}

/** So many accounts, spread over 20 sites, or all at `site`. */
export function loginRequests(count: number, site?: string): GateRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const provider = site ?? `site-${index % siteCount}`
    return { provider, kind: 'account', subject: `account-${index}`, priority: 'foreground', signal: closing }
  })
}
