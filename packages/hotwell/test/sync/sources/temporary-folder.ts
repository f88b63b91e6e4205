import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder for the files of a test file; returns what names a new one in it. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sources-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let files = 0
  return name => join(folder, `${++files}-${name}`)
}
