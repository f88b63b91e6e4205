// Makes a fresh clone ready: installs what package-lock.json names, again when that has changed.
// Plain JavaScript without dependencies, because it runs before anything is installed, on Node 20 as well.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lock = join(root, 'package-lock.json')
// npm writes this one last, so it tells a whole installation from one that was interrupted or is out of date.
const installed = join(root, 'node_modules', '.package-lock.json')

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error('Setting up: installing dependencies (once) …')
  const npm = process.env.npm_execpath
  const [command, prefix] = npm ? [process.execPath, [npm]] : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []]
  const result = spawnSync(command, [...prefix, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (result.status !== 0) {
    console.error(
      'Setting up failed: `npm ci` did not succeed. Its message is above; check the network and run it again.',
    )
    process.exit(result.status ?? 1)
  }
}

const node = join(root, 'node_modules', '.bin', 'node')
const version =
  spawnSync(existsSync(node) ? node : process.execPath, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
if (Number(version.slice(1).split('.')[0]) < 24) {
  console.error(
    `Hotwell runs on Node 24 or newer; found ${version || 'none'}. ` +
      'On Linux x64 and arm64 a fresh install brings it along; elsewhere install Node 24 and run this again.',
  )
  process.exit(1)
}
