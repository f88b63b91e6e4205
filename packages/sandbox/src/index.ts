export type { FaultSettings, Faults } from './faults.ts'
export type { LarkAppOptions } from './lark/app-directory.ts'
export type { LarkAuthCall } from './lark/auth.ts'
export type { LarkDepartment, LarkPeople, LarkPeopleOptions, LarkUser } from './lark/people.ts'
export { type LarkSimulator, type LarkSimulatorOptions, startLarkSimulator } from './lark/simulator.ts'
export type { OpenIdClientOptions } from './openid/clients.ts'
export {
  type OpenIdProvider,
  type OpenIdProviderOptions,
  startOpenIdProvider,
} from './openid/open-id-provider.ts'
export type { RawReply } from './raw-reply.ts'
export type { RequestCounters } from './request-counters.ts'
export type { LoginAccountCounters, LoginAccountOptions } from './site/account-book.ts'
export { type LoginSite, type LoginSiteOptions, startLoginSite } from './site/login-site.ts'
