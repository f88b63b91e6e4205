import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../start.ts'
import { counted, writePlant } from '../syncs/plant-file.ts'
import { RunningHotwell, runHotwell } from './run-hotwell.ts'

async function token(url: string, ref: string): Promise<string> {
  const reply = await fetch(`${url}/api/v1/tokens/${ref}`)
  expect(reply.status, ref).toBe(200)
  return ((await reply.json()) as { token: string }).token
}

const refs = ['feishu/app', 'feishu/tenant/acme', 'feishu/tenant/globex', 'feishu/tenant/initech', 'crm/client']

test('the demo serves both tokens within seconds, ends in order on SIGTERM and SIGINT, and never serves tokens of an earlier start', async () => {
  const data = await temporaryFolder()
  const served = new Set<string>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const demo = new RunningHotwell(['demo', '--port', '0', '--data', data])
    const [, url] = await demo.says(/curl (http:\/\/127\.0\.0\.1:\d+)\/api\/v1\/tokens\/feishu\/tenant\/acme\n/)
    const tokens = [await token(url!, 'feishu/tenant/acme'), await token(url!, 'crm/client')]
    for (const ref of refs) {
      await demo.says(new RegExp(`\\d\\d:\\d\\d:\\d\\d +${ref} +first +\\d+ ms +good until`))
    }
    expect(await demo.stop(signal)).toBe(0)
    expect(demo.stdout.indexOf('curl ')).toBeLessThan(demo.stdout.indexOf('good until'))
    for (const value of tokens) {
      expect(demo.stdout).not.toContain(value)
      served.add(value)
    }
    expect(demo.stderr).toBe('')
  }
  expect(served.size).toBe(4)
})

test('a taken port is told with what to do, and nothing stays behind', async () => {
  const taken = createTcpServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const outcome = await runHotwell(['demo', '--port', String(port), '--data', await temporaryFolder()])
  taken.close()
  expect(outcome).toMatchObject({ code: 5 })
  expect(outcome.stderr).toContain(`port: ${port} on 127.0.0.1 is taken by another program; choose another`)
})

test('the demo logs in with the good accounts of a site, tries a flaky captcha again, and leaves a wrong password alone', async () => {
  const demo = new RunningHotwell(['demo', '--port', '0', '--data', await temporaryFolder()])
  const [, url] = await demo.says(/curl (http:\/\/127\.0\.0\.1:\d+)\/api\/v1\/tokens\/court_zxfw\/account /)
  await demo.says(/court_zxfw\/account\/wang +first +\d+ ms +credential_error: /)
  for (const account of ['zhang', 'li', 'chen']) {
    await demo.says(new RegExp(`court_zxfw/account/${account} +first +\\d+ ms +good until`))
  }
  const reply = (await (await fetch(`${url}/api/v1/tokens/court_zxfw/account`)).json()) as { ref: string }
  expect(reply.ref).toMatch(/^court_zxfw\/account\/(zhang|li|zhao|chen)$/)

  const environment = { HOTWELL_URL: url! }
  const listed = JSON.parse((await runHotwell(['account', 'list', '--json'], { environment })).stdout)
  expect(listed.accounts).toHaveLength(5)
  const wang = listed.accounts.find(({ account }: { account: string }) => account === 'wang')
  expect(wang).toMatchObject({ state: 'barred', bar: { cause: 'credential' }, budget: { spent: 1 } })
  expect((await fetch(`${url}/api/v1/performance/health`)).status).toBe(200)
  expect(await demo.stop()).toBe(0)
  expect(demo.stderr).toBe('')
})

test('the demo copies the people of a tenant into SQLite with the token that it keeps hot, and a file of yours', async () => {
  const data = await temporaryFolder()
  const file = join(data, 'plant.jsonl')
  await writePlant(file, 12)
  const demo = new RunningHotwell(['demo', '--port', '0', '--data', data, '--jsonl', file])
  const [, path] = await demo.says(/ file {4}\S+plant\.jsonl, into (\S+\.db)\n/)
  await demo.says(/sync +people +(interval|asked for) +\d+ ms +\d+ records, \d+ inserted, 0 updated, 0 deleted\n/)
  await demo.says(/sync +file +(interval|asked for) +\d+ ms +23 records, 23 inserted/)
  expect(counted(path!, 'elements')).toBe(12)
  const people = join(data, 'people.db')
  expect([counted(people, 'elements', "type = 'department'"), counted(people, 'elements', "type = 'user'")]).toEqual([
    12, 80,
  ])
  const [, url] = await demo.says(/curl (http:\/\/127\.0\.0\.1:\d+)/)
  const verified = await runHotwell(['sync', 'verify', 'people'], { environment: { HOTWELL_URL: url! } })
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('They are equal.') })
  expect(await demo.stop()).toBe(0)
  expect(demo.stderr).toBe('')
  const missing = await runHotwell(['demo', '--port', '0', '--data', data, '--jsonl', join(data, 'no.jsonl')])
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringMatching(/There is no file .*no\.jsonl/) })
})
