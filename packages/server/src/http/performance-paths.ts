import { HotwellError } from 'hotwell'
import { z } from 'zod'

/** The second is the older one, which callers may still use: the same routes lie under both. */
const prefixes = [
  { prefix: '/api/v1/performance', suffix: '' },
  { prefix: '/api/v1/automation/performance', suffix: 'OfAutomation' },
]

/** The paths of a performance route, each with an operation id of its own. */
export function performancePaths(path: string, operationId: string): { path: string; operationId: string }[] {
  return prefixes.map(({ prefix, suffix }) => ({ path: `${prefix}/${path}`, operationId: operationId + suffix }))
}

const name = z.string().min(1, 'is empty: leave it out, or name a site')

/** The site in a query, in either way of writing. */
export const siteName = {
  site_name: name.optional().describe('Only this site: the name of its provider.'),
  siteName: name.optional().describe('The same as `site_name`.'),
}

/**
 * The site that a query names, if it names one.
 * @throws HotwellError `invalid_request` for two that differ
 */
export function siteNameOf({ site_name, siteName }: { site_name?: string; siteName?: string }): string | undefined {
  if (site_name !== undefined && siteName !== undefined && site_name !== siteName) {
    throw new HotwellError('invalid_request', '`site_name` and `siteName` mean the same, but name two sites.')
  }
  return site_name ?? siteName
}

/** Routes that take no body take an empty one, and refuse fields that would have no effect. */
export const noBody = z.strictObject({}).nullish()
