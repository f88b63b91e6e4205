import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const bin = join(import.meta.dirname, '../../bin/hotwell.js')

test('a reader who has seen enough ends the demo quietly', async () => {
  const data = mkdtempSync(join(tmpdir(), 'hotwell-pipe-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const demo = spawn(process.execPath, [bin, 'demo', '--port', '0', '--data', data])
  onTestFinished(() => void demo.kill('SIGKILL'))
  let complaint = ''
  demo.stderr.on('data', chunk => (complaint += chunk))
  await once(demo.stdout, 'data')
  demo.stdout.destroy()
  const [code] = await once(demo, 'exit')
  expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
})
