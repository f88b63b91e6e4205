import { HotwellError } from '../core/errors.ts'
import { type AdaptiveLimit, createFixedLimit } from './adaptive-limit.ts'
import { createGradientLimit, type GradientLimitOptions } from './gradient-limit.ts'
import { createThresholdLimit, type ThresholdLimitOptions } from './threshold-limit.ts'

/** How many may be in flight: a fixed number, a rule by its name, a rule with options, or a rule of one's own. */
export type ExecutorConcurrency =
  | number
  | 'gradient'
  | 'threshold'
  | ({ readonly rule: 'gradient' } & GradientLimitOptions)
  | ({ readonly rule: 'threshold' } & ThresholdLimitOptions)
  | AdaptiveLimit

/** @throws HotwellError `invalid_configuration`, naming the field */
export function limitOf(concurrency: ExecutorConcurrency): AdaptiveLimit {
  if (typeof concurrency === 'number') return createFixedLimit(wholeFrom(1, 'concurrency', concurrency))
  if (concurrency === 'gradient') return createGradientLimit()
  if (concurrency === 'threshold') return createThresholdLimit()
  if (typeof concurrency === 'object' && 'end' in concurrency) return concurrency
  const { rule, ...options } = Object(concurrency) as { rule?: unknown } & Record<string, unknown>
  if (rule !== 'gradient' && rule !== 'threshold') {
    const shown = typeof concurrency === 'object' ? `the rule "${String(rule)}"` : `"${String(concurrency)}"`
    throw invalid('concurrency', `is ${shown}; it has to be a whole number from 1, 'gradient' or 'threshold'`)
  }
  const { start, least = 1, most, noiseTolerance = 0 } = options
  if (!(typeof noiseTolerance === 'number' && noiseTolerance >= 0)) {
    throw invalid('concurrency.noiseTolerance', `is ${String(noiseTolerance)}; it has to be a number from 0`)
  }
  for (const [name, value] of Object.entries({ start, least, most })) {
    if (value !== undefined) wholeFrom(1, `concurrency.${name}`, value)
  }
  const highest = most ?? Number.POSITIVE_INFINITY
  if ((least as number) > (highest as number))
    throw invalid('concurrency.most', `is ${most}, less than least, ${least}`)
  if (start !== undefined && ((start as number) < (least as number) || (start as number) > (highest as number))) {
    throw invalid('concurrency.start', `is ${start}; it has to lie between least and most`)
  }
  return rule === 'gradient' ? createGradientLimit(options) : createThresholdLimit(options)
}

/** @throws HotwellError `invalid_configuration` */
export function wholeFrom(lowest: number, field: string, value: unknown): number {
  if (typeof value === 'number' && value >= lowest && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) {
    return value
  }
  throw invalid(field, `is ${String(value)}; it has to be a whole number from ${lowest}`)
}

/** @throws HotwellError `invalid_configuration` */
export function secondsAbove0(field: string, value: number): number {
  if (value > 0 && value * 1000 < 2 ** 31) return value
  throw invalid(field, `is ${String(value)}; it has to be a number of seconds above 0`)
}

function invalid(field: string, why: string): HotwellError {
  return new HotwellError('invalid_configuration', `executor.${field} ${why}.`, {
    details: { field: `executor.${field}` },
  })
}
