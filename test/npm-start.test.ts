import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { root } from './imports.ts'

test.for(['SIGTERM', 'SIGINT'] as const)(
  '`npm start` ended by %s ends the demo behind it, with exit code 0',
  async signal => {
    const data = mkdtempSync(join(tmpdir(), 'hotwell-npm-start-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    // Only npm gets the signal, as from a process manager; a terminal would send it to the whole group.
    const npm = spawn('npm', ['start', '--', '--port', '0', '--data', data], { cwd: root, detached: true })
    onTestFinished(() => killGroup(npm.pid!))
    let printed = ''
    const url = await new Promise<string>((resolve, reject) => {
      npm.stdout.on('data', chunk => {
        printed += chunk
        const found = printed.match(/curl (http:\S+)\/api\/v1\/tokens\/feishu\/tenant\/acme$/m)
        if (found) resolve(found[1]!)
      })
      npm.on('exit', code => reject(new Error(`npm start ended with ${code}: ${printed}`)))
    })
    const reply = await fetch(`${url}/api/v1/tokens/crm/client`)
    expect(((await reply.json()) as { token: string }).token).toBeTruthy()
    const ended = new Promise(resolve => npm.on('close', (code, by) => resolve(code ?? by)))
    npm.kill(signal)
    expect(await ended).toBe(0)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
  },
)

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing is left of it, as it should be.
  }
}
