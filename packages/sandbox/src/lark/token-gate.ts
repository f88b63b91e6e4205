import type { RawReply } from '../raw-reply.ts'
import type { AppDirectory } from './app-directory.ts'
import { larkCodes, larkError } from './codes.ts'
import type { TokenBook } from './token-book.ts'

export interface TokenGateOptions {
  apps: AppDirectory
  tokens: TokenBook
  rejectionStatus: 200 | 400 | 401
}

/** Whether a request may use an API, judged by its `Authorization` header, and in whose tenant. */
export function tokenGate({ apps, tokens, rejectionStatus }: TokenGateOptions) {
  const refuse = (code: number, msg: string) => ({ refusal: larkError(rejectionStatus, code, msg) })

  return (authorization: string | undefined): { tenant: string } | { refusal: RawReply } => {
    const [, value] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    if (!value) return refuse(larkCodes.tokenMissing, 'Missing access token for authorization')
    if (!/^[at]-/.test(value)) return refuse(larkCodes.tokenMalformed, 'Invalid access token: token format error')
    const owner = tokens.find(value)
    // A self-built app's own token opens its tenant; that of a marketplace app opens none.
    if (!owner?.tenant) {
      const code = value.startsWith('a-') ? larkCodes.appTokenInvalid : larkCodes.tenantTokenInvalid
      return refuse(code, 'Invalid access token for authorization')
    }
    if (!apps.get(owner.appId).enabled) return refuse(larkCodes.appUnavailable, 'app is disabled')
    return { tenant: owner.tenant }
  }
}
