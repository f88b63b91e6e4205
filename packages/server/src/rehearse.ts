import { createTokenManager, type Provider } from 'hotwell'
import { memory } from 'hotwell/stores/memory'
import { buildStore, sealingKeys } from './build-store.ts'
import { assertIssued } from './config/assert-issued.ts'
import { buildProviders } from './config/build-providers.ts'
import { canonicalManifest } from './config/canonical-manifest.ts'
import type { LoadedConfig } from './config/load-config.ts'
import { planSyncs } from './config/plan-syncs.ts'
import { assertKeysFor } from './http/loopback.ts'
import { keyFilePath, readKeyFile } from './keys/key-file.ts'
import { limitsOf } from './performance/gate-tuning.ts'
import { assertSyncTokens } from './syncs/assert-sync-tokens.ts'
import type { SyncPlan } from './workers/sync-plan.ts'

/**
 * Puts together what a server would, and says what a server would say, without a file being made, a port being taken
 * or anybody being asked for a token.
 * @throws HotwellError `invalid_configuration`
 */
export async function rehearse(
  loaded: LoadedConfig,
  { dataDir, environment }: { dataDir: string; environment: NodeJS.ProcessEnv },
): Promise<{ providers: Record<string, Provider>; manifest: readonly string[]; syncs: readonly SyncPlan[] }> {
  const { config, folder } = loaded
  const manifest = canonicalManifest(config)
  const providers = await buildProviders(config.providers, folder)
  const syncs = await planSyncs(loaded, { cwd: process.cwd(), environment })
  const filed = await readKeyFile(keyFilePath(dataDir))
  assertKeysFor(config.host, filed.length + config.keys.length > 0)
  await buildStore(config.store, { dataDir, folder, environment })
  sealingKeys(config.store, environment)
  const { preheat, namespace, alerts } = config
  const gate = limitsOf(config.gate)
  await using tokens = createTokenManager({
    ...{ providers, preheat, gate, namespace },
    monitoring: { alerts },
    store: memory(),
  })
  assertIssued(manifest, tokens)
  assertSyncTokens(syncs, tokens)
  return { providers, manifest, syncs }
}
