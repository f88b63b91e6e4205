import { createRequire } from 'node:module'
import { basename, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DriverConfig } from './config-schema.ts'

type Factory = (options: Record<string, unknown>) => unknown

/**
 * Imports the module that `use` names and calls its factory with the other fields.
 * `hotwell/…` comes from the library; paths and other packages are looked up from the configuration's folder.
 * @throws TypeError saying what is wrong with the module; whatever the factory throws
 */
export async function loadDriver({ use, ...options }: DriverConfig, folder: string): Promise<unknown> {
  const module = await importFrom(use, folder)
  return factoryOf(use, module)(options)
}

async function importFrom(use: string, folder: string): Promise<Record<string, unknown>> {
  try {
    if (use.startsWith('.') || use.startsWith('/')) return await import(pathToFileURL(resolve(folder, use)).href)
    if (use.startsWith('hotwell/')) return await import(use)
    return await import(pathToFileURL(createRequire(resolve(folder, 'hotwell.config.js')).resolve(use)).href)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!/MODULE_NOT_FOUND|PACKAGE_PATH_NOT_EXPORTED/.test(code)) throw error
    throw new TypeError(`the module "${use}" was not found${use.startsWith('hotwell/') ? '' : ` from ${folder}`}`, {
      cause: error,
    })
  }
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
