import { readFile, stat } from 'node:fs/promises'
import { extname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadConfig } from 'c12'
import { configurationError } from './configuration-error.ts'

export interface ConfigFile {
  /** Absolute. Undefined if there is none. */
  path?: string
  /** As people know it, relative to the working directory. */
  shown: string
  content: Record<string, unknown>
}

/**
 * Finds and reads `hotwell.config.{ts,js,mjs,json,yaml,yml}` in `cwd`, or the file named.
 * @throws HotwellError `invalid_configuration` if the named file is missing, or the file cannot be read
 */
export async function readConfigFile(cwd: string, name?: string): Promise<ConfigFile> {
  const path = name === undefined ? undefined : resolve(cwd, name)
  const shown = path === undefined ? 'hotwell.config' : relative(cwd, path) || path
  if (path !== undefined && !(await exists(path))) {
    throw configurationError(shown, [{ field: '', message: `there is no file ${path}` }])
  }
  try {
    const { config, _configFile: found } = await loadConfig({
      name: 'hotwell',
      cwd,
      configFile: path,
      // One file says it all: no layers from elsewhere, nothing downloaded, no .env read behind the user's back.
      extend: false,
      giget: false,
      rcFile: false,
      packageJson: false,
      dotenv: false,
      envName: false,
      jiti: { import: importConfig } as never,
    })
    if (!found) return { shown: 'hotwell.config', content: {} }
    if (typeof config !== 'object' || config === null || Array.isArray(config)) {
      throw new TypeError('it has to hold one object; in TypeScript export it as default')
    }
    return { path: found, shown: relative(cwd, found) || found, content: config }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const told = withoutSource(message)
    throw configurationError(shown, [{ field: '', message: told }], told === message ? error : undefined)
  }
}

/** Node imports JavaScript and TypeScript by itself; the query makes it read a file again that has changed. */
async function importConfig(path: string): Promise<unknown> {
  if (extname(path) === '.json') return JSON.parse(await readFile(path, 'utf8'))
  const { mtimeMs } = await stat(path)
  const module: { default?: unknown } = await import(`${pathToFileURL(path).href}?t=${Math.round(mtimeMs)}`)
  if (module.default === undefined) throw new TypeError('it has no default export: write `export default { … }`')
  return module.default
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isFile(),
    () => false,
  )
}

/** Parsers of JSON and YAML quote the text around a mistake, and a secret may stand there: the words and the place do. */
function withoutSource(message: string): string {
  return message
    .split('\n', 1)[0]!
    .replace(/,? ?(?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON/, ': this is not valid JSON')
}
