import type { FaultDialect } from '../faults.ts'
import type { RawReply } from '../raw-reply.ts'

/** Codes that the simulator answers with, as published in Feishu's server error list. */
export const larkCodes = {
  invalidParam: 10003,
  ticketInvalid: 10012,
  secretInvalid: 10014,
  internalError: 2200,
  badRequest: 9499,
  noDepartmentAuthority: 40004,
  rateLimited: 99991400,
  tokenMissing: 99991661,
  appUnavailable: 99991662,
  tenantTokenInvalid: 99991663,
  appTokenInvalid: 99991664,
  tokenMalformed: 99991671,
  fieldInvalid: 99992402,
} as const

export function larkError(status: number, code: number, msg: string, extra: object = {}): RawReply {
  return { status, body: { code, msg, ...extra } }
}

/** @param rateLimitStatus Lark refuses most APIs with HTTP 400, some with 429; the code says the same in both. */
export function larkFaultDialect(rateLimitStatus: 400 | 429): FaultDialect {
  return {
    retryAfterHeader: 'x-ogw-ratelimit-reset',
    unavailable: () => larkError(503, larkCodes.internalError, 'Internal Error'),
    tooMany: headers => ({
      ...larkError(rateLimitStatus, larkCodes.rateLimited, 'request trigger frequency limit'),
      headers,
    }),
  }
}
