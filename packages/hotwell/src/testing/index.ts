export { FakeClock, settled } from './fake-clock.ts'
export type { HostileReply, TokenReply } from './hostile-replies.ts'
export { type ProviderSubject, providerContract, type RegisterTest, type UpstreamControl } from './provider-contract.ts'
export { tokenStoreContract } from './token-store-contract.ts'
