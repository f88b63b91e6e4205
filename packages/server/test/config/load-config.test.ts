// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of configuration files are what is tested
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildProviders } from '../../src/config/build-providers.ts'
import { canonicalManifest } from '../../src/config/canonical-manifest.ts'
import { encryptionKeys } from '../../src/config/environment-config.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { temporaryFolder } from '../start.ts'

async function load(name: string, content: string, environment: NodeJS.ProcessEnv = {}) {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, name), content)
  return loadConfig({ cwd, environment })
}
const json = (content: unknown, environment?: NodeJS.ProcessEnv) =>
  load('hotwell.config.json', JSON.stringify(content), environment)

describe('where a configuration comes from', () => {
  test('without one: loopback, port 8000, ./data', async () => {
    const { config, path } = await loadConfig({ cwd: await temporaryFolder(), environment: {} })
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8000, dataDir: 'data', providers: {}, preheat: 'standard' })
    expect(path).toBeUndefined()
  })

  test.each([
    ['hotwell.config.json', '{ "port": 9001 }'],
    ['hotwell.config.yaml', 'port: 9001\n'],
    ['hotwell.config.yml', 'port: 9001\n'],
    ['hotwell.config.mjs', 'export default { port: 9001 }'],
    ['hotwell.config.ts', 'const port: number = 9001\nexport default { port }'],
    ['hotwell.config.ts', 'export default async () => ({ port: 9001 })'],
  ])('%s is read', async (name, content) => {
    expect((await load(name, content)).config.port).toBe(9001)
  })

  test('the command line goes before the environment, and that before the file', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'hotwell.config.json'), '{ "port": 1, "host": "::1", "logLevel": "warn" }')
    const environment = { HOTWELL_PORT: '2', HOTWELL_HOST: 'localhost', HOTWELL_DATA_DIR: '' }
    const { config } = await loadConfig({ cwd, environment, overrides: { port: 3, host: undefined } })
    expect(config).toMatchObject({ port: 3, host: 'localhost', logLevel: 'warn', dataDir: 'data' })
  })

  test('nothing is fetched or merged from elsewhere: extends is a field that does not exist', async () => {
    await expect(json({ extends: 'github:someone/something' })).rejects.toThrow(/extends: there is no such field/)
  })
})

describe('environment variables in strings', () => {
  test('stand for themselves anywhere in the file, and $${ is a plain ${', async () => {
    const { config } = await json(
      { dataDir: '/var/${NAME}/x', providers: { crm: { use: 'x', clientSecret: '${SECRET}', note: '$${NAME}' } } },
      { NAME: 'hotwell', SECRET: 's3' },
    )
    expect(config.dataDir).toBe('/var/hotwell/x')
    expect(config.providers.crm).toEqual({ use: 'x', clientSecret: 's3', note: '${NAME}' })
  })

  test('every missing one is named with its field', async () => {
    const loading = json({
      providers: { feishu: { use: 'x', appSecret: '${FEISHU_APP_SECRET}' } },
      manifest: ['${REF}'],
    })
    await expect(loading).rejects.toThrow(/providers\.feishu\.appSecret: .*FEISHU_APP_SECRET is not set/)
    await expect(loading).rejects.toThrow(/manifest\[0\]: .*REF is not set/)
  })

  test('a provider made in TypeScript is left as it is', async () => {
    const { config } = await load(
      'hotwell.config.ts',
      "export default { providers: { own: { identity: 'own|${NAME}', kinds: ['client'], acquire: async () => ({}) } } }",
    )
    expect(config.providers.own).toMatchObject({ identity: 'own|${NAME}' })
  })
})

describe('what is wrong is named by its field', () => {
  test.each<[unknown, RegExp]>([
    [{ prot: 1 }, /prot: there is no such field; did you mean port\?/],
    [{ provider: {} }, /provider: there is no such field; did you mean providers\?/],
    [{ xyzzy: 1 }, /xyzzy: there is no such field; known are host, port/],
    [{ port: '80' }, /port: .*expected number/],
    [{ port: 70000 }, /port: /],
    [
      { gate: { maxConcurrentPerProvidr: 1 } },
      /gate\.maxConcurrentPerProvidr: .*did you mean maxConcurrentPerProvider\?/,
    ],
    [{ preheat: 'fast' }, /preheat: .*"standard"/],
    [{ preheat: { tresholdSeconds: 3 } }, /preheat\.tresholdSeconds: .*did you mean thresholdSeconds\?/],
    [{ history: { retentionDay: 3 } }, /history\.retentionDay: .*did you mean retentionDays\?/],
    [{ accounts: { lockoutBudget: { tries: 5 } } }, /accounts\.lockoutBudget\.tries: /],
    [{ accounts: { lockoutBudget: { trys: 2 } } }, /accounts\.lockoutBudget\.trys: .*did you mean tries\?/],
    [{ accounts: { lockoutBudget: { windowSeconds: 0 } } }, /accounts\.lockoutBudget\.windowSeconds: /],
    [{ accounts: { cache: { blacklistSecond: 1 } } }, /accounts\.cache\.blacklistSecond: .*blacklistSeconds\?/],
    [{ accounts: false }, /accounts: /],
    [{ gate: { maxConcurrentPerSite: 0 } }, /gate\.maxConcurrentPerSite: /],
    [
      { gate: { bounds: { maxConcurrentPerAccount: { max: 2 } } } },
      /gate\.bounds\.maxConcurrentPerAccount: there is no/,
    ],
    [{ gate: { bounds: { maxConcurrentOther: { max: 0 } } } }, /gate\.bounds\.maxConcurrentOther\.max: /],
    [{ gate: { bounds: { maxConcurrentOther: { maximum: 3 } } } }, /Other\.maximum: .*known are min, max/],
    [{ gate: { bounds: { maxConcurrentOther: { min: 3, max: 2 } } } }, /maxConcurrentOther: min is above max/],
    [{ alerts: true }, /alerts: /],
    [{ alerts: { minSucessRate: 0.5 } }, /alerts\.minSucessRate: .*did you mean minSuccessRate\?/],
    [{ alerts: { maxTimeoutRate: 1.1 } }, /alerts\.maxTimeoutRate: /],
    [{ alerts: { webhook: { url: 'ftp://example.com' } } }, /alerts\.webhook\.url: has to be a URL/],
    [{ alerts: { webhook: { url: 'https://a:b@example.com' } } }, /alerts\.webhook\.url: .*without a user name/],
    [{ alerts: { webhook: { url: 'https://example.com', secret: 'short' } } }, /alerts\.webhook\.secret: /],
    [{ alerts: { webhook: { url: 'https://example.com', retry: 2 } } }, /alerts\.webhook\.retry: .*retries/],
    [{ alerts: { rules: [{ name: 'slow', severity: 'low', when: 'always' }] } }, /alerts\.rules\[0\]: .*TypeScript/],
    [{ providers: { feishu: { appId: 'x' } } }, /providers\.feishu: has to be \{ use: /],
    [{ providers: { Feishu: { use: 'x' } } }, /providers\.Feishu: a provider is named/],
    [{ keys: [{ name: 'a', key: 'short' }] }, /keys\[0\]\.key: has to have at least 24/],
    [{ keys: [{ name: 'a' }] }, /keys\[0\]: needs either key or sha256/],
    [{ logLevel: 'loud' }, /logLevel: /],
  ])('%j', async (content, message) => {
    await expect(json(content)).rejects.toThrow(message)
    await expect(json(content)).rejects.toMatchObject({ code: 'invalid_configuration' })
  })

  test('several mistakes are told together, with the file', async () => {
    await expect(json({ prot: 1, hots: 2 })).rejects.toThrow(/hotwell\.config\.json cannot be used:\n {2}- .*\n {2}- /)
  })

  test('a file that is not there, is no JSON, or exports nothing', async () => {
    const cwd = await temporaryFolder()
    await expect(loadConfig({ cwd, configFile: 'no.yaml', environment: {} })).rejects.toThrow(
      /there is no file .*no\.yaml/,
    )
    await expect(load('hotwell.config.json', '{')).rejects.toThrow(/hotwell\.config.* cannot be used: .*JSON/)
    await expect(load('hotwell.config.mjs', 'export const port = 1')).rejects.toThrow(/no default export/)
    await expect(load('hotwell.config.yaml', '- 1')).rejects.toThrow(/one object/)
  })

  test('a provider that its own function refuses, in TypeScript', async () => {
    const source = new URL('../../../hotwell/src/tokens/providers/feishu.ts', import.meta.url)
    const content = `import { feishu } from '${source}'\nexport default { providers: { a: feishu({ appId: 'x' }) } }`
    const loading = load('hotwell.config.ts', content)
    await expect(loading).rejects.toThrow(/^hotwell\.config cannot be used: feishu: the option "appSecret"/)
    await expect(loading).rejects.toMatchObject({ code: 'invalid_configuration' })
  })

  test('a port in the environment that is none', async () => {
    await expect(loadConfig({ environment: { HOTWELL_PORT: 'http' } })).rejects.toThrow(
      /HOTWELL_PORT: "http" is no port/,
    )
  })

  test('an encryption key of the wrong size, without the key itself', () => {
    const right = Buffer.alloc(32, 7).toString('base64')
    expect(encryptionKeys({ HOTWELL_ENCRYPTION_KEY: `${right}, ${right}` })).toEqual([right, right])
    expect(encryptionKeys({ HOTWELL_ENCRYPTION_KEY: '' })).toBeUndefined()
    expect(() => encryptionKeys({ HOTWELL_ENCRYPTION_KEY: `${right},c2hvcnQ=` })).toThrow(/key 2 has 5 bytes, not 32/)
    expect(() => encryptionKeys({ HOTWELL_ENCRYPTION_KEY: 'c2hvcnQ=' })).not.toThrow(/c2hvcnQ/)
  })

  test('a manifest with what is no ref, or of a provider that is not there', () => {
    const providers = { feishu: { use: 'x' } }
    expect(() => canonicalManifest({ providers, manifest: ['feishu/app', 'feishu'] })).toThrow(/manifest\[1\]: /)
    expect(() => canonicalManifest({ providers, manifest: ['feishuu/app'] })).toThrow(/did you mean feishu\?/)
  })
})

describe('providers named by use', () => {
  const feishu = { use: 'hotwell/providers/feishu', appId: 'cli_1', appSecret: 'secret' }

  test('come from the library, from a file beside the configuration, or from a package', async () => {
    const folder = await temporaryFolder()
    const own =
      "export const version = 1\nexport class Own {}\nexport function myProvider({ id }) { return { identity: id, kinds: ['client'], acquire: async () => ({}) } }\nexport function other() {}"
    await writeFile(join(folder, 'my-provider.mjs'), own)
    const built = await buildProviders({ feishu, own: { use: './my-provider.mjs', id: 'mine' } }, folder)
    expect(built.feishu?.kinds).toEqual(['app', 'tenant'])
    expect(built.own?.identity).toBe('mine')
  })

  test('that cannot be built are named, all of them', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'two.mjs'), 'export function one() {}\nexport function another() {}')
    await writeFile(join(folder, 'nothing.mjs'), 'export function nothing() { return {} }')
    const building = buildProviders(
      {
        a: { ...feishu, appId: '' },
        b: { use: 'hotwell/providers/feichu' },
        c: { use: './two.mjs' },
        d: { use: './nothing.mjs' },
        e: { use: 'not-installed-package' },
        f: { ...feishu, apSecret: 'x' },
      },
      folder,
    )
    for (const message of [
      /providers\.a: .*appId/,
      /providers\.b: the module "hotwell\/providers\/feichu" was not found/,
      /providers\.c: .*needs one exported function, or one named two; it exports .*one/,
      /providers\.d: .*is no provider/,
      /providers\.e: .*not-installed-package" was not found/,
      /providers\.f: .*apSecret/,
    ]) {
      await expect(building).rejects.toThrow(message)
    }
    await expect(building).rejects.not.toThrow(/secret"/)
  })
})
