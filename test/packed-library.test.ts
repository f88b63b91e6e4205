import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './imports.ts'

const folder = mkdtempSync(join(tmpdir(), 'hotwell-packed-'))
const user = join(folder, 'user')
const run = (command: string, args: string[], cwd: string) => execFileSync(command, args, { cwd, encoding: 'utf8' })

beforeAll(() => {
  const packed = join(folder, 'package')
  mkdirSync(packed)
  mkdirSync(user)
  const source = join(root, 'packages/hotwell')
  const build = ['-p', source, '--outDir', join(packed, 'dist'), '--tsBuildInfoFile', join(packed, 'dist/.tsbuildinfo')]
  run(join(root, 'node_modules/.bin/tsc'), build, root)
  cpSync(join(source, 'package.json'), join(packed, 'package.json'))
  const tarball = run('npm', ['pack', '--silent', '--pack-destination', folder], packed).trim()
  writeFileSync(join(user, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  run('npm', ['install', ...quiet, join(folder, tarball)], user)
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const installed = () => {
  const names = readdirSync(join(user, 'node_modules')).filter(name => !name.startsWith('.'))
  return names.flatMap(name =>
    name.startsWith('@') ? readdirSync(join(user, 'node_modules', name)).map(child => `${name}/${child}`) : [name],
  )
}

test('the library, installed alone, drags in a handful of small packages', () => {
  expect(installed().sort()).toEqual(['hotwell', 'kysely', 'lru-cache', 'oauth4webapi'])
})

test('the packed library holds built files only', () => {
  const files = readdirSync(join(user, 'node_modules/hotwell'), { recursive: true, encoding: 'utf8' })
  expect(files).toContain('dist/index.js')
  expect(files).toContain('dist/index.d.ts')
  expect(files.filter(file => /\.test\.|(?<!\.d)\.ts$|tsbuildinfo/.test(file))).toEqual([])
})

test('every public subpath of the packed library can be imported, and a token be had', () => {
  const manifest = JSON.parse(readFileSync(join(user, 'node_modules/hotwell/package.json'), 'utf8'))
  const subpaths = Object.keys(manifest.exports).filter(key => !key.includes('*') && !key.endsWith('.json'))
  const drivers = ['providers/custom', 'providers/static', 'providers/feishu', 'providers/client-credentials']
  const stores = ['stores/memory', 'stores/sqlite']
  const names = [
    ...subpaths.map(key => `hotwell${key.slice(1)}`),
    ...[...drivers, ...stores].map(name => `hotwell/${name}`),
  ]
  const program = `
    for (const name of ${JSON.stringify(names)}) if (Object.keys(await import(name)).length === 0) throw new Error(name)
    const { createTokenManager } = await import('hotwell')
    const { custom } = await import('hotwell/providers/custom')
    const { sqlite } = await import('hotwell/stores/sqlite')
    const shop = custom({ kinds: ['app'], acquire: async () => ({ value: 'a token', expiresInSeconds: 60 }) })
    await using tokens = createTokenManager({ providers: { shop }, store: sqlite({ path: 'tokens.db' }) })
    console.log(await tokens.token('shop/app').get())
  `
  writeFileSync(join(user, 'program.js'), program)
  expect(run(process.execPath, ['program.js'], user).trim()).toBe('a token')
})
