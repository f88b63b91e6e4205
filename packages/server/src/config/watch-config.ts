import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

const settleMs = 300

/**
 * Calls `onChange` once a configuration file has changed and been left alone for a moment. Looks at the folder, because
 * editors and Kubernetes replace files instead of writing them. Returns the function that ends it.
 */
export function watchConfig(path: string, onChange: () => void): () => void {
  const name = basename(path)
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
    // Where the system does not say which file, or a mounted volume swaps a link (..data), any change may be it.
    if (changed !== null && changed !== name && !changed.startsWith('..')) return
    clearTimeout(timer)
    timer = setTimeout(onChange, settleMs).unref()
  })
  watcher.on('error', () => undefined)
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
