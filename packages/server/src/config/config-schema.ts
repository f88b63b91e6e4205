import type { PreheatOptions, Provider, TokenStore } from 'hotwell'
import type { AccountCacheOptions, LockoutBudgetOptions } from 'hotwell/accounts'
import type { GateLimits } from 'hotwell/concurrency'
import {
  type AlertOptions,
  type AlertRule,
  type LimitBounds,
  type TunableLimit,
  tunableLimits,
  type WebhookTarget,
} from 'hotwell/monitoring'
import type { SqliteTokenStoreOptions } from 'hotwell/stores/sqlite'
import { z } from 'zod'
import { apiKeyActions } from '../keys/key-scope.ts'
import { logLevels } from '../log-levels.ts'
import { type DriverConfig, isDriver } from './driver-config.ts'
import { syncFields, syncsSchema } from './sync-schema.ts'

const seconds = z.number().nonnegative()
const count = z.int().positive()

const provider = z.custom<Provider | DriverConfig>(
  value => isProvider(value) || isDriver(value),
  "has to be { use: 'hotwell/providers/…', … } or, in TypeScript, a provider such as feishu({ … })",
)
const store = z.custom<TokenStore | DriverConfig>(
  value => isStore(value) || isDriver(value),
  "has to be { use: 'hotwell/stores/…', … } or, in TypeScript, a store such as sqlite({ … })",
)

/** What a file may say beside `use: hotwell/stores/sqlite`. */
export const sqliteOptions = z.strictObject({
  path: z.string().min(1).optional(),
  encryptionKeys: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
} satisfies Partial<Record<keyof SqliteTokenStoreOptions, unknown>>)

const preheatOptions = z.strictObject({
  checkIntervalSeconds: seconds.optional(),
  thresholdSeconds: seconds.optional(),
  tenantTokens: z.boolean().optional(),
  maxConcurrent: count.optional(),
  jitterSeconds: seconds.optional(),
} satisfies Record<keyof PreheatOptions, unknown>)
const preheat = z.union([
  z.enum(['standard', 'light', 'highFrequency', 'critical']),
  z.literal(false, 'has to be standard, light, highFrequency, critical, false or an object'),
  preheatOptions,
])

const lockoutBudget = z.strictObject({
  tries: count.max(4).optional(),
  windowSeconds: z.number().positive().optional(),
} satisfies Record<keyof LockoutBudgetOptions, unknown>)
const accountCache = z.strictObject({
  credentialsSeconds: seconds.optional(),
  blacklistSeconds: seconds.optional(),
  statisticsSeconds: seconds.optional(),
} satisfies Record<keyof AccountCacheOptions, unknown>)
const accounts = z.strictObject({ lockoutBudget: lockoutBudget.optional(), cache: accountCache.optional() })

const historyOptions = z.strictObject({ retentionDays: z.number().positive().optional() })

const bound = z
  .strictObject({ min: count.optional(), max: count.optional() } satisfies Record<
    keyof NonNullable<LimitBounds[TunableLimit]>,
    unknown
  >)
  .refine(({ min = 1, max = Number.POSITIVE_INFINITY }) => min <= max, 'min is above max')
const bounds = z.strictObject({
  maxConcurrentAcquisitions: bound.optional(),
  maxConcurrentPerSite: bound.optional(),
  maxConcurrentOther: bound.optional(),
  maxConcurrentPerProvider: bound.optional(),
} satisfies Record<TunableLimit, unknown>)

const gate = z.strictObject({
  maxConcurrentAcquisitions: count.optional(),
  maxConcurrentOther: count.optional(),
  maxConcurrentPerProvider: count.optional(),
  maxConcurrentPerSite: count.optional(),
  maxConcurrentPerAccount: count.optional(),
  acquisitionTimeoutSeconds: seconds.optional(),
  lockTimeoutSeconds: seconds.optional(),
  queueTimeoutSeconds: seconds.optional(),
  quarantineSeconds: seconds.optional(),
  bounds: bounds.optional(),
} satisfies Record<keyof GateLimits | 'bounds', unknown>)

const rate = z.number().min(0).max(1)
const webhook = z.strictObject({
  url: z.string().refine(isWebhookUrl, 'has to be a URL that begins with https:// or http://, without a user name'),
  secret: z.string().min(8).optional(),
  timeoutSeconds: z.number().positive().max(60).optional(),
  retries: z.int().min(0).max(10).optional(),
} satisfies Record<keyof WebhookTarget, unknown>)
const rule = z.custom<AlertRule>(
  value => typeof (value as AlertRule | null)?.when === 'function',
  'has to be { name, severity, when }, with a function as `when`: own rules take a configuration in TypeScript',
)
const alertOptions = z.strictObject({
  minSuccessRate: rate.optional(),
  maxAvgDurationSeconds: z.number().positive().optional(),
  maxTimeoutRate: rate.optional(),
  maxConcurrentAcquisitions: count.optional(),
  minCacheHitRate: rate.optional(),
  windowSeconds: z.number().positive().max(86_400).optional(),
  minSamples: count.optional(),
  rules: z.array(rule).optional(),
  webhook: webhook.optional(),
} satisfies Record<keyof AlertOptions, unknown>)

const apiKeyFields = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'has to be 1 to 64 letters, digits, dots or dashes'),
  key: z.string().min(24, 'has to have at least 24 characters; `hotwell keys create` makes one').optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'has to be 64 hex digits')
    .optional(),
  refs: z.array(z.string().min(1)).min(1).default(['*']),
  actions: z.array(z.enum(apiKeyActions)).min(1).default(['read', 'list']),
})
const apiKey = apiKeyFields.refine(
  ({ key, sha256 }) => (key === undefined) !== (sha256 === undefined),
  'needs either key or sha256',
)

/** What a configuration file may say. The type {@link HotwellConfig} is what people write. */
export const configSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8000),
  dataDir: z.string().min(1).default('data'),
  namespace: z.string().min(1).max(128).default('hotwell'),
  logLevel: z.enum(logLevels).default('info'),
  providers: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'a provider is named [a-z][a-z0-9_-]{0,63}'), provider)
    .default({}),
  store: store.optional(),
  preheat: preheat.default('standard'),
  manifest: z.array(z.string()).default([]),
  readyTimeoutSeconds: seconds.default(30),
  gate: gate.default({}),
  accounts: accounts.default({}),
  history: z.union([z.literal(false, 'has to be false or an object'), historyOptions]).default({}),
  alerts: z.union([z.literal(false, 'has to be false or an object'), alertOptions]).default({}),
  keys: z.array(apiKey).default([]),
  syncs: syncsSchema.default({}),
})

/** The fields known inside each top-level field, for hints. */
export const nestedFields: Readonly<Record<string, readonly string[]>> = {
  gate: Object.keys(gate.shape),
  'gate.bounds': [...tunableLimits],
  ...Object.fromEntries(tunableLimits.map(limit => [`gate.bounds.${limit}`, ['min', 'max']])),
  alerts: Object.keys(alertOptions.shape),
  'alerts.webhook': Object.keys(webhook.shape),
  preheat: Object.keys(preheatOptions.shape),
  accounts: Object.keys(accounts.shape),
  'accounts.lockoutBudget': Object.keys(lockoutBudget.shape),
  'accounts.cache': Object.keys(accountCache.shape),
  history: Object.keys(historyOptions.shape),
  store: Object.keys(sqliteOptions.shape),
  keys: Object.keys(apiKeyFields.shape),
  ...syncFields,
}

/** A configuration as people write it: every field optional, providers and store as values or as `{ use: … }`. */
export type HotwellConfig = z.input<typeof configSchema>
/** A configuration that was checked, with every default in place. */
export type CheckedConfig = z.output<typeof configSchema>
export type ApiKeyConfig = CheckedConfig['keys'][number]

/** For `hotwell.config.ts`: gives the editor the types and returns what it was given. */
export function defineConfig(config: HotwellConfig): HotwellConfig {
  return config
}

export function isProvider(value: unknown): value is Provider {
  return typeof (value as Provider | undefined)?.acquire === 'function'
}

export function isStore(value: unknown): value is TokenStore {
  return typeof (value as TokenStore | undefined)?.claim === 'function'
}

function isWebhookUrl(text: string): boolean {
  const { protocol, username, password } = URL.parse(text) ?? {}
  return (protocol === 'https:' || protocol === 'http:') && !username && !password
}
