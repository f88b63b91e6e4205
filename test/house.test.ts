import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cyclesIn, type Import, importsOf, root } from './imports.ts'

const library = 'packages/hotwell/src/'

/** Which rooms a room of the library may import; `types` of any room it may only name. ARCHITECTURE.md explains it. */
const rooms: Record<string, { values: string[]; types: string[]; packages: string[] }> = {
  core: { values: [], types: [], packages: ['lru-cache'] },
  concurrency: { values: ['core'], types: [], packages: [] },
  database: { values: ['core'], types: [], packages: ['kysely'] },
  tokens: { values: ['core', 'concurrency', 'database'], types: [], packages: ['kysely', 'oauth4webapi'] },
  accounts: { values: ['core', 'concurrency', 'database'], types: ['tokens'], packages: ['kysely'] },
  history: { values: ['core', 'concurrency', 'database'], types: ['tokens'], packages: ['kysely'] },
  sync: { values: ['core', 'concurrency', 'database'], types: [], packages: ['kysely'] },
  monitoring: { values: ['core'], types: ['tokens', 'history', 'concurrency', 'sync'], packages: [] },
  testing: { values: ['core', 'tokens', 'sync'], types: ['tokens'], packages: [] },
}
/** The two factories wire the rooms together. */
const factories = ['tokens/create-token-manager.ts', 'sync/create-sync.ts']

const roomOf = (file: string) => file.slice(library.length).split('/')[0]!
const inLibrary = importsOf('packages/hotwell/src/**/*.ts').filter(({ file }) =>
  file.slice(library.length).includes('/'),
)

function outOfPlace({ file, specifier, target, typeOnly }: Import): boolean {
  if (factories.includes(file.slice(library.length))) return false
  const room = rooms[roomOf(file)]
  if (!room) return true
  if (!target) return !specifier.startsWith('node:') && !room.packages.includes(specifier)
  if (!target.startsWith(library)) return true
  const other = roomOf(target)
  return other !== roomOf(file) && !room.values.includes(other) && !(typeOnly && room.types.includes(other))
}

const shown = (imports: Import[]) => imports.map(({ file, specifier }) => `${file} imports ${specifier}`)

describe('the house', () => {
  test('the library has files to look at', () => {
    expect(inLibrary.length).toBeGreaterThan(100)
  })

  test('each room of the library imports only the rooms below it', () => {
    expect(shown(inLibrary.filter(outOfPlace))).toEqual([])
  })

  test('a room that imports what it must not is found', () => {
    const wrong = { file: `${library}core/x.ts`, specifier: '../tokens/ref.ts', target: `${library}tokens/ref.ts` }
    expect(outOfPlace({ ...wrong, typeOnly: false })).toBe(true)
    expect(outOfPlace({ file: `${library}tokens/x.ts`, specifier: 'fastify', target: undefined, typeOnly: true })).toBe(
      true,
    )
  })

  test('drivers import their ports and core, never each other', () => {
    // A driver's own parts have its name before theirs: `jsonl-position.ts`.
    const driver = /\/(?:providers|stores|sources|targets)\/([a-z]+)[a-z-]*\.ts$/
    const crossing = inLibrary.filter(({ file, target = '' }) => {
      const [own, other] = [driver.exec(file)?.[1], driver.exec(target)?.[1]]
      return own && other && own !== other
    })
    expect(shown(crossing)).toEqual([])
  })

  test('only the SQL stores know the database', () => {
    const knowing = inLibrary.filter(
      ({ file, target }) => roomOf(file) === 'tokens' && target?.startsWith(`${library}database`),
    )
    expect(shown(knowing.filter(({ file }) => !file.includes('/stores/sql')))).toEqual([])
  })

  test('the server and the sandbox use public subpaths only, the sandbox nothing of the library', () => {
    const outside = importsOf('packages/{server,sandbox}/src/**/*.ts')
    const deep = outside.filter(
      ({ target, file }) => target && !target.startsWith(file.split('/').slice(0, 2).join('/')),
    )
    expect(shown(deep)).toEqual([])
    const manifest = JSON.parse(readFileSync(join(root, 'packages/hotwell/package.json'), 'utf8'))
    const subpaths = Object.keys(manifest.exports).map(
      key => new RegExp(`^hotwell${key.slice(1).replace('*', '[a-z-]+')}$`),
    )
    const hidden = outside.filter(
      ({ specifier }) => /^hotwell(\/|$)/.test(specifier) && !subpaths.some(path => path.test(specifier)),
    )
    expect(shown(hidden)).toEqual([])
    expect(
      shown(outside.filter(({ file, specifier }) => file.includes('/sandbox/') && specifier.startsWith('hotwell'))),
    ).toEqual([])
  })

  test('no imports go round in a circle, those of types included', () => {
    expect(cyclesIn(importsOf('packages/*/src/**/*.ts')).map(cycle => cycle.join(' → '))).toEqual([])
  })

  test('a circle is found', () => {
    const edge = (file: string, target: string) => ({ file, specifier: target, target, typeOnly: false })
    expect(cyclesIn([edge('a', 'b'), edge('b', 'c'), edge('c', 'a')])).toEqual([['a', 'b', 'c', 'a']])
  })

  test('no source file of the house has more than 300 lines', () => {
    const files = new Set(importsOf('packages/*/src/**/*.ts').map(({ file }) => file))
    const long = [...files].filter(file => readFileSync(join(root, file), 'utf8').split('\n').length > 301)
    expect(long).toEqual([])
  })

  test('the lock file is complete: `npm ci` works on a fresh clone, and nothing ties it to one registry', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
    const entries = Object.entries(lock.packages)
    const missing = entries.flatMap(([folder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        name => !lock.packages[`node_modules/${name}`] && !lock.packages[`${folder}/node_modules/${name}`],
      ),
    )
    expect(missing).toEqual([])
    expect(entries.filter(([, { resolved }]) => resolved?.startsWith('http')).map(([folder]) => folder)).toEqual([])
  })
})

interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>
}
