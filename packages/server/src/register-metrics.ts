import * as prometheus from '@prometheus-io/client'
import { parseRef, type TokenManager } from 'hotwell'
import type { History } from 'hotwell/history'
import { registerTokenMetrics } from 'hotwell/monitoring'
import type { HttpCounters } from './http/http-counters.ts'

export interface MetricSources {
  tokens: TokenManager
  history: History | undefined
  counters: HttpCounters
}

/** Everything `/metrics` says. All of it is read at the scrape. */
export function registerMetrics(registry: prometheus.Registry, { tokens, history, counters }: MetricSources): void {
  registerTokenMetrics(registry, prometheus, {
    counters: () => tokens.metrics.snapshot(),
    acquisitions: () => tokens.statistics?.figures() ?? [],
    gate: () => tokens.gateUsage(),
    health: tokens.monitor && (() => tokens.monitor!.health()),
    history: history && (() => history),
    preheat: () => tokens.preheater.status(),
    breakers: () => Object.entries(tokens.health().breakers).map(([provider, { open }]) => ({ provider, open })),
    expiries: () => nextExpiries(tokens),
  })
  counters.register(registry)
  prometheus.collectDefaultMetrics({ register: registry })
}

/** By provider and kind the token that ends first; never a subject, of which there is no end. */
function nextExpiries(tokens: TokenManager) {
  const soonest = new Map<string, { provider: string; kind: string; expirySeconds: number }>()
  for (const token of tokens.list()) {
    if (token.expiresAt === undefined || !Number.isFinite(token.expiresAt)) continue
    const { provider, kind } = parseRef(token.ref)
    const expirySeconds = token.expirySeconds()
    const known = soonest.get(`${provider}/${kind}`)
    if (!known || expirySeconds < known.expirySeconds) {
      soonest.set(`${provider}/${kind}`, { provider, kind, expirySeconds })
    }
  }
  return [...soonest.values()]
}
