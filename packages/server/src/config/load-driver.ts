import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { DriverConfig } from './driver-config.ts'

type Factory = (...options: unknown[]) => unknown

/**
 * Imports the module that `use` names and calls its factory with the other fields.
 * `hotwell/…` comes from the library; paths and other packages are looked up from the configuration's folder.
 * @throws TypeError saying what is wrong with the module; whatever the factory throws
 */
export async function loadDriver({ use, ...options }: DriverConfig, folder: string): Promise<unknown> {
  return (await loadFactory(use, folder))(options)
}

/** The factory alone. @throws TypeError as {@link loadDriver} */
export async function loadFactory(use: string, folder: string): Promise<Factory> {
  return factoryOf(use, await importFrom(use, folder))
}

async function importFrom(use: string, folder: string): Promise<Record<string, unknown>> {
  if (use.startsWith('.') || use.startsWith('/')) {
    const path = resolve(folder, use)
    if (!existsSync(path)) throw new TypeError(`there is no file ${path}`)
    return importModule(use, pathToFileURL(path).href)
  }
  if (use.startsWith('hotwell/')) {
    return import(use).catch(error => {
      throw isNotFound(error) ? new TypeError(`the module "${use}" was not found in the library${hint(error)}`) : error
    })
  }
  return importModule(use, resolvePackage(use, folder))
}

function resolvePackage(use: string, folder: string): string {
  try {
    return pathToFileURL(createRequire(resolve(folder, 'hotwell.config.js')).resolve(use)).href
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new TypeError(`the module "${use}" was not found from ${folder}; is the package installed there?`)
  }
}

/** The module itself is there, so what is not found is something that it imports. */
async function importModule(use: string, href: string): Promise<Record<string, unknown>> {
  try {
    return await import(href)
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new TypeError(`the module "${use}" cannot be loaded: ${(error as Error).message.split('\n', 1)[0]}`)
  }
}

function isNotFound(error: unknown): boolean {
  return /MODULE_NOT_FOUND|PACKAGE_PATH_NOT_EXPORTED/.test((error as NodeJS.ErrnoException).code ?? '')
}

/** Which modules lie where one of the library was looked for. */
function hint(error: unknown): string {
  const { url } = error as { url?: string }
  if (url === undefined) return ''
  const folder = dirname(fileURLToPath(url))
  if (!existsSync(folder)) return ''
  const names = readdirSync(folder)
    .filter(name => /(?<!\.d)\.[jt]s$/.test(name))
    .map(moduleName)
  return `; there are ${names.join(', ')}`
}

/** The one exported function, or the one that is named like the file. */
function factoryOf(use: string, module: Record<string, unknown>): Factory {
  const functions = Object.entries(module).filter((entry): entry is [string, Factory] => isFactory(entry[1]))
  const named = functions.find(([name]) => name === camelCase(moduleName(use)))
  const factory = named ?? (functions.length === 1 ? functions[0] : undefined)
  if (factory) return factory[1]
  const found = functions.map(([name]) => name).join(', ') || 'none'
  throw new TypeError(
    `the module "${use}" needs one exported function, or one named ${camelCase(moduleName(use))}; it exports ${found}`,
  )
}

function isFactory(value: unknown): value is Factory {
  return typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value))
}

function moduleName(use: string): string {
  const name = basename(use).replace(/\.[cm]?[jt]s$/, '')
  return name === 'index' ? basename(dirname(use)) : name
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
