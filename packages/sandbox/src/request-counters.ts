/** Distinct names kept per table; what comes later counts as `other`, so a scanner cannot fill the memory. */
const MAX_NAMES = 200

/** What reached a sandbox server, counted at arrival; requests that a fault answered are included. */
export class RequestCounters {
  /** All requests. */
  total = 0
  /** Requests being answered right now. */
  inFlight = 0
  /** The most that were ever in flight together. */
  peakInFlight = 0
  /** Requests that a fault answered or cut, so that the service itself never saw them or their reply was lost. */
  faulted = 0
  /** By path; paths with a parameter count under their template. */
  byPath: Record<string, number> = {}
  /** By HTTP status of the reply; `cut` where the connection ended without one. */
  byStatus: Record<string, number> = {}
  /** By OAuth grant type, each answered request to the token endpoint (OpenID provider only). */
  byGrant: Record<string, number> = {}
  /** By app id (Lark) or client id (OpenID), each request to an endpoint that issues tokens; `unknown` for strangers. */
  byApp: Record<string, number> = {}

  /** @returns to be called when the connection is done with this request, with the status that was sent */
  arrived(path: string): (status: number | 'cut') => void {
    this.total++
    this.inFlight++
    this.peakInFlight = Math.max(this.peakInFlight, this.inFlight)
    count(this.byPath, path)
    return status => {
      this.inFlight--
      count(this.byStatus, String(status))
    }
  }

  countGrant(grant: string): void {
    count(this.byGrant, grant)
  }

  countApp(appId: string): void {
    count(this.byApp, appId)
  }

  /** Back to zero. What is in flight stays in flight. */
  reset(): void {
    this.total = this.faulted = 0
    this.peakInFlight = this.inFlight
    this.byPath = {}
    this.byStatus = {}
    this.byGrant = {}
    this.byApp = {}
  }
}

function count(table: Record<string, number>, name: string): void {
  const key = Object.hasOwn(table, name) || Object.keys(table).length < MAX_NAMES ? name : 'other'
  table[key] = (table[key] ?? 0) + 1
}
