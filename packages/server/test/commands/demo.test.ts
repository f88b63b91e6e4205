import { createServer as createTcpServer } from 'node:net'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../start.ts'
import { RunningHotwell, runHotwell } from './run-hotwell.ts'

async function token(url: string, ref: string): Promise<string> {
  const reply = await fetch(`${url}/api/v1/tokens/${ref}`)
  expect(reply.status, ref).toBe(200)
  return ((await reply.json()) as { token: string }).token
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'the demo serves both tokens within seconds and ends in order on %s',
  async signal => {
    const demo = new RunningHotwell(['demo', '--port', '0', '--data', await temporaryFolder()])
    const [, url] = await demo.says(/curl (http:\/\/127\.0\.0\.1:\d+)\/api\/v1\/tokens\/feishu\/tenant\/acme\n/)
    const acme = await token(url!, 'feishu/tenant/acme')
    const crm = await token(url!, 'crm/client')
    for (const ref of [
      'feishu/app',
      'feishu/tenant/acme',
      'feishu/tenant/globex',
      'feishu/tenant/initech',
      'crm/client',
    ]) {
      await demo.says(new RegExp(`\\d\\d:\\d\\d:\\d\\d +${ref} +first +\\d+ ms +good until`))
    }
    expect(await demo.stop(signal)).toBe(0)
    expect(demo.stdout.indexOf('curl ')).toBeLessThan(demo.stdout.indexOf('good until'))
    expect(demo.stdout).not.toContain(acme)
    expect(demo.stdout).not.toContain(crm)
    expect(demo.stderr).toBe('')
  },
)

test('a second start on the same data acquires anew: tokens of a simulator that is gone are never served', async () => {
  const data = await temporaryFolder()
  const served: string[] = []
  for (let round = 0; round < 2; round++) {
    const demo = new RunningHotwell(['demo', '--port', '0', '--data', data])
    const [, url] = await demo.says(/curl (http:\S+?)\/api/)
    await demo.says(/feishu\/tenant\/acme +first/)
    served.push(await token(url!, 'feishu/tenant/acme'))
    expect(await demo.stop()).toBe(0)
  }
  expect(served[0]).not.toBe(served[1])
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
