import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { root } from './imports.ts'

/** A missing browser is a failure that says what to install; as root on Debian it is installed. */
beforeAll(() => {
  if (existsSync('/usr/bin/chromium') || process.env.CHROMIUM_PATH) return
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error('This test needs Chromium: install it, or set CHROMIUM_PATH.')
  }
  execFileSync('apt-get', ['update', '-q'])
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'])
}, 600_000)

const example = (env: Record<string, string> = {}) =>
  promisify(execFile)(
    process.execPath,
    ['--conditions=hotwell-source', join(root, 'examples/browser-login/browser-login.ts')],
    {
      timeout: 60_000,
      env: { ...process.env, ...env },
    },
  )

test('browser login: fifty requests, one login by a real browser, and one try of a wrong password', async () => {
  const { stdout } = await example()
  expect(stdout).toContain('50 requests as zhang, 1 login\n')
  expect(stdout).toContain('wang: credentials_rejected, 1 bad password at the site')
  expect(stdout).not.toContain('mistyped')
})
