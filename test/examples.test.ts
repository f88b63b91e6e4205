import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from './imports.ts'

/** Runs an example as a reader would, and returns what it prints. It has to end by itself, with exit code 0. */
async function example(name: string, ...args: string[]): Promise<string> {
  const command = ['--conditions=hotwell-source', join(root, 'examples', `${name}.ts`), ...args]
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 60_000 })
  return stdout
}

test('library use: a thousand callers, one request upstream', async () => {
  const printed = await example('library-use')
  expect(printed).toContain('1000 callers, 1 token, 1 request upstream')
  expect(printed).toContain('unknown_subject')
  expect(printed).toContain('Users of acme: ')
})

test('own provider: a session that the site forgot is replaced, and the request sent again', async () => {
  const printed = await example('own-provider')
  expect(printed.match(/case 2026-117: open/g)).toHaveLength(2)
  expect(printed).toContain('2 logins in all')
})

test('performance monitoring: ten tasks, then a hundred, and reports', async () => {
  const printed = await example('performance-monitoring', '0.5', '1.7')
  expect(printed).toMatch(/^10 tasks, 500 tokens in .* 6 requests upstream so far$/m)
  expect(printed).toMatch(/^100 tasks, 5000 tokens in .* 6 requests upstream so far$/m)
  expect(printed.match(/TokenManager Performance Metrics:/g)!.length).toBeGreaterThanOrEqual(3)
})

test('background preheating: tokens are renewed, nobody waits, it stops by itself', async () => {
  const printed = await example('background-preheating', '14')
  expect(printed).toContain('Ready: true; warm: feishu/tenant/acme, feishu/tenant/globex')
  expect(printed).toMatch(/feishu\/tenant\/acme {2}preheat/)
  expect(printed).toMatch(/ 0 failed; 0 callers had to wait$/m)
})

test('copy jsonl: a file comes into SQLite, then only what differs, and a bad line is told', async () => {
  const printed = await example('copy-jsonl')
  expect(printed).toMatch(/^first run: 20000 records in \d+ ms: 20000 inserted, 0 updated, 0 unchanged/m)
  expect(printed).toMatch(/^nothing has changed: .* 0 inserted, 0 updated, 20000 unchanged/m)
  expect(printed).toMatch(/^two lines more: .* 0 deleted, 1 failed$/m)
  expect(printed).toContain('"key":"line 20002"')
})

test('copy paged API: with a handle’s tokens, through rejected ones and limits; what is gone goes when it is sure', async () => {
  const printed = await example('copy-paged-api')
  expect(printed).toContain('first run: 40 records: 40 inserted')
  expect(printed).toContain('one was renamed, one is gone: 39 records: 0 inserted, 1 updated, 38 unchanged, 0 deleted')
  expect(printed).toMatch(/^and is still gone: .* 1 deleted/m)
  expect(printed).toMatch(/requests, 2 tokens$/m)
})

test('executor: every report once, what was turned away is sent again', async () => {
  const printed = await example('executor')
  expect(printed).toContain('customer-13: The API answered 404.')
  expect(printed).toMatch(/^399 reports; [1-9]\d* requests were turned away, [1-9]\d* were sent again$/m)
})

test('every example is run by a test', () => {
  const files = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
  const examples = files.filter(name => name.endsWith('.ts') && !name.includes('node_modules'))
  expect(examples.sort()).toEqual([
    'background-preheating.ts',
    // By browser-login.test.ts, which needs a Chromium.
    join('browser-login', 'browser-login.ts'),
    'copy-jsonl.ts',
    'copy-paged-api.ts',
    'executor.ts',
    'library-use.ts',
    'own-provider.ts',
    'performance-monitoring.ts',
  ])
})
