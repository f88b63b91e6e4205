export { type Clock, createSystemClock, type ScheduledCall } from './core/clock.ts'
export { type ErrorCode, type ErrorOptions, errorCodes, HotwellError, isHotwellError } from './core/errors.ts'
export type { Listener } from './core/events.ts'
export type { Logger } from './core/logger.ts'
export type { AccountCredentials, AccountSource, LoginOutcome, LoginReservation } from './tokens/account-source.ts'
export type {
  AcquisitionGate,
  GateHolder,
  GateRequest,
  GateSectionUsage,
  GateSlot,
  GateUsage,
} from './tokens/acquisition-gate.ts'
export {
  type AcquisitionRecord,
  type AcquisitionRecorder,
  type AcquisitionTrigger,
  acquisitionTriggers,
} from './tokens/acquisition-record.ts'
export {
  createTokenManager,
  type Providers,
  type RefText,
  type TokenManager,
  type TokenManagerOptions,
} from './tokens/create-token-manager.ts'
export {
  type AcquisitionStatus,
  acquisitionStatuses,
  type Failure,
  failureOf,
  type ProviderFailureOptions,
  providerFailure,
} from './tokens/failure.ts'
export type { ManagerHealth } from './tokens/manager-health.ts'
export { type PreheatOptions, type PreheatPreset, type PreheatStatus, preheatPresets } from './tokens/preheater.ts'
export type {
  AcquiredToken,
  AcquireRequest,
  AcquisitionFacts,
  Grant,
  PreviousToken,
  Provider,
  Quota,
  Rotation,
  UpstreamReply,
} from './tokens/provider.ts'
export {
  isSelector,
  makeRef,
  parseRef,
  type Ref,
  type RefParameter,
  type RefParts,
  refParameters,
} from './tokens/ref.ts'
export type { TokenEvents } from './tokens/token-events.ts'
export type { GetOptions, TokenDetails, TokenHandle, TokenInspection, TokenState } from './tokens/token-handle.ts'
export { fingerprint, tokenKey } from './tokens/token-key.ts'
export type {
  Claim,
  ClaimRequest,
  ClaimResult,
  CommitResult,
  Fingerprint,
  Intent,
  NewFailure,
  NewToken,
  RememberedFailure,
  StoreEntry,
  StoreEvent,
  TokenKey,
  TokenRecord,
  TokenStore,
} from './tokens/token-store.ts'
export type { ReadyReport } from './tokens/warm-up.ts'
