import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../http/server-context.ts'
import { healthGet } from './health-get.ts'
import { homePage } from './home-page.ts'
import { metricsGet } from './metrics-get.ts'
import { openapiGet } from './openapi-get.ts'
import { readyGet } from './ready-get.ts'
import { tokenInvalidate } from './token-invalidate.ts'
import { tokenList } from './token-list.ts'
import { tokenRefresh } from './token-refresh.ts'

/** Adds one route to the app. */
export type Route = (app: FastifyInstance, context: ServerContext) => void

/** Every route but the hot one (token-get.ts) and the documentation's pages (docs-page.ts), which live apart. */
export const routeTable: readonly Route[] = [
  tokenList,
  tokenRefresh,
  tokenInvalidate,
  metricsGet,
  healthGet,
  readyGet,
  openapiGet,
  homePage,
]
