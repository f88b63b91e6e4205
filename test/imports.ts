import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** One import of one file. */
export interface Import {
  /** The importing file, from the root of the repository. */
  readonly file: string
  /** As it is written. */
  readonly specifier: string
  /** The imported file, from the root of the repository, for a relative specifier. */
  readonly target: string | undefined
  /** Erased when the types are. */
  readonly typeOnly: boolean
}

export const root = resolve(import.meta.dirname, '..')

const statement =
  /^\s*(?:import|export)\s+(type\s+)?((?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?)\s*from\s+'([^']+)'|^\s*import\s+'([^']+)'/gm

/** The imports and re-exports of all TypeScript files that match. */
export function importsOf(pattern: string): Import[] {
  const files = globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })
  return files.flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8')
    return [...text.matchAll(statement)].map(([, type, names = '', from, bare]) => {
      const specifier = (from ?? bare)!
      const target = specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : undefined
      return { file, specifier, target, typeOnly: type !== undefined || onlyTypes(names) }
    })
  })
}

function onlyTypes(names: string): boolean {
  const list = names.match(/^\{([^}]*)\}$/)?.[1]
  const parts =
    list
      ?.split(',')
      .map(part => part.trim())
      .filter(Boolean) ?? []
  return parts.length > 0 && parts.every(part => part.startsWith('type '))
}

/** Circles among these imports, each as the files along it. */
export function cyclesIn(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>()
  for (const { file, target } of imports) {
    if (target) edges.set(file, [...(edges.get(file) ?? []), target])
  }
  const cycles: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string) => {
    const at = path.indexOf(file)
    if (at >= 0) return void cycles.push([...path.slice(at), file])
    if (done.has(file)) return
    path.push(file)
    for (const next of edges.get(file) ?? []) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of edges.keys()) visit(file)
  return cycles
}
