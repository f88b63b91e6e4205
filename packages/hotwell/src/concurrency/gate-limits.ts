import { HotwellError } from '../core/errors.ts'

/** How much a gate lets run at once, and how long. Counts are whole numbers from 1, or `Infinity`. */
export interface GateLimits {
  /** Acquisitions of kind `account` (logins) at once, over all sites. @default 3 */
  maxConcurrentAcquisitions?: number
  /** Of these, at once on one site. @default 2 */
  maxConcurrentPerSite?: number
  /** Of these, at once with one account. @default 1 */
  maxConcurrentPerAccount?: number
  /** Acquisitions of all other kinds at once, over all providers, beside those of kind `account`. @default 32 */
  maxConcurrentOther?: number
  /** Of these, at once at one provider. @default 16 */
  maxConcurrentPerProvider?: number
  /** The longest hold of a slot, retries and their pauses included, in seconds. @default 300 */
  acquisitionTimeoutSeconds?: number
  /** The longest wait for an account's own slot, in seconds. @default 30 */
  lockTimeoutSeconds?: number
  /** The longest wait over all, in seconds. @default 60 */
  queueTimeoutSeconds?: number
  /** How long an account stays taken when its acquisition does not end although it was aborted, in seconds. @default 60 */
  quarantineSeconds?: number
}

/**
 * Fills in the defaults.
 * @throws HotwellError `invalid_configuration`, naming the field
 */
export function completeLimits(limits: GateLimits): Required<GateLimits> {
  const {
    maxConcurrentAcquisitions = 3,
    maxConcurrentPerSite = 2,
    maxConcurrentPerAccount = 1,
    maxConcurrentOther = 32,
    maxConcurrentPerProvider = 16,
    acquisitionTimeoutSeconds = 300,
    lockTimeoutSeconds = 30,
    queueTimeoutSeconds = 60,
    quarantineSeconds = 60,
    ...unknown
  } = limits
  const counts = {
    maxConcurrentAcquisitions,
    maxConcurrentPerSite,
    maxConcurrentPerAccount,
    maxConcurrentOther,
    maxConcurrentPerProvider,
  }
  const seconds = { acquisitionTimeoutSeconds, lockTimeoutSeconds, queueTimeoutSeconds, quarantineSeconds }
  for (const field of Object.keys(unknown)) {
    const known = [...Object.keys(counts), ...Object.keys(seconds)].join(', ')
    throw invalid(field, `is no limit of the gate; there are ${known}`)
  }
  for (const [field, value] of Object.entries(counts)) {
    if (!(value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))) {
      throw invalid(field, `is ${shown(value)}; it has to be a whole number from 1`)
    }
  }
  for (const [field, value] of Object.entries(seconds)) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw invalid(field, `is ${shown(value)}; it has to be a number of seconds above 0`)
    }
  }
  return Object.freeze({ ...counts, ...seconds })
}

/**
 * The limits after a change; what is left out, or undefined, stays as it is.
 * @throws HotwellError `invalid_configuration`, naming the field
 */
export function changedLimits(present: Required<GateLimits>, changes: GateLimits): Required<GateLimits> {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  return completeLimits({ ...present, ...Object.fromEntries(given) })
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `the text "${value}"` : String(value)
}

function invalid(field: string, why: string): HotwellError {
  return new HotwellError('invalid_configuration', `gate.${field} ${why}.`, { details: { field: `gate.${field}` } })
}
