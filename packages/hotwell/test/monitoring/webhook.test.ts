import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWebhook, type WebhookOptions } from 'hotwell/monitoring'
import { FakeClock } from 'hotwell/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { monitored } from './performance-scene.ts'

interface Delivery {
  headers: IncomingHttpHeaders
  body: string
}

/** A receiver that answers as it is told to, one answer after the other, the last one for ever. */
async function receiver(...answers: ((response: ServerResponse) => void)[]) {
  const deliveries: Delivery[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    deliveries.push({ headers: request.headers, body })
    const answer = answers.length > 1 ? answers.shift()! : (answers[0] ?? status(204))
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`, deliveries }
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end()
const hang = () => {}

function hook(options: Pick<WebhookOptions, 'url'> & Partial<WebhookOptions>) {
  const clock = new FakeClock()
  const warnings: string[] = []
  const warn = (fields: object, message: string) => warnings.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { debug() {}, info() {}, error() {}, warn }
  const webhook = createWebhook({ clock, logger, ...options })
  onTestFinished(() => webhook.close())
  return { clock, webhook, warnings }
}

const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000, interval: 5 })

/** Lets time pass until nothing waits any more. */
async function drained({ clock, webhook }: ReturnType<typeof hook>): Promise<void> {
  let done = false
  void webhook.drained().then(() => (done = true))
  await vi.waitFor(
    async () => {
      await clock.advance(1000)
      expect(done).toBe(true)
    },
    { timeout: 20_000, interval: 10 },
  )
}

test('an alert is posted as JSON, signed so that the receiver can check who sent it and when', async () => {
  const { url, deliveries } = await receiver()
  const { observe, monitor, clock } = monitored({ alerts: { webhook: { url, secret: 'a shared secret' } } })
  observe(5, { status: 'failed' })
  monitor.health()
  await eventually(() => expect(deliveries).toHaveLength(1))
  const { headers, body } = deliveries[0]!
  const timestamp = headers['x-hotwell-timestamp'] as string
  const expected = createHmac('sha256', 'a shared secret').update(timestamp).update('.').update(body).digest('hex')
  expect(headers['x-hotwell-signature']).toBe(`sha256=${expected}`)
  expect(Number(timestamp)).toBe(Math.floor(clock.now() / 1000))
  expect(headers['x-hotwell-delivery']).toMatch(/^[0-9a-f-]{36}$/)
  expect(JSON.parse(body)).toMatchObject({
    type: 'alert.raised',
    rule: 'minSuccessRate',
    severity: 'high',
    health: 'unhealthy',
    sinceAt: new Date(clock.now()).toISOString(),
  })
  expect(body).not.toContain('a shared secret')
})

test('a delivery that fails is tried again with the same number until it is taken', async () => {
  const { url, deliveries } = await receiver(status(500), status(429, { 'retry-after': '2' }), status(200))
  const scene = hook({ url })
  scene.webhook.send({ n: 1 })
  await drained(scene)
  expect(deliveries).toHaveLength(3)
  expect(new Set(deliveries.map(({ headers }) => headers['x-hotwell-delivery'])).size).toBe(1)
  expect(scene.webhook.failed).toBe(0)
})

test.each<[string, (now: number) => string, number]>([
  ['seconds', () => '20', 20_000],
  ['a date', now => new Date(now + 20_000).toUTCString(), 20_000],
  ['a thousand years, of which five minutes are granted', () => '31557600000', 300_000],
])('Retry-After is obeyed: %s', async (_, retryAfter, pauseMs) => {
  const { url, deliveries } = await receiver(
    response => status(503, { 'retry-after': retryAfter(scene.clock.now()) })(response),
    status(200),
  )
  const scene = hook({ url })
  const schedule = vi.spyOn(scene.clock, 'schedule')
  scene.webhook.send({ n: 1 })
  await eventually(() => expect(schedule.mock.calls.map(([, delayMs]) => delayMs)).toEqual([5000, pauseMs]))
  await scene.clock.advance(pauseMs - 1)
  expect(schedule).toHaveBeenCalledTimes(2)
  await scene.clock.advance(1)
  await eventually(() => expect(deliveries).toHaveLength(2))
})

test('a receiver that hangs does not keep a process alive that has nothing else to do', async () => {
  const { url, deliveries } = await receiver(hang)
  const script = `
    import { createSystemClock } from 'hotwell/core'
    import { createWebhook } from 'hotwell/monitoring'
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    const webhook = createWebhook({ url: process.argv[1], timeoutSeconds: 60, clock: createSystemClock(), logger })
    process.stdin.once('data', () => process.stdin.destroy())
    webhook.send({ n: 1 })
  `
  const args = ['--conditions=hotwell-source', '--input-type=module', '--eval', script, url]
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['pipe', 'ignore', 'inherit'] })
  onTestFinished(() => void child.kill())
  await eventually(() => expect(deliveries).toHaveLength(1))
  child.stdin.write('go')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

test('a reload that leaves the webhook as it is gives up no delivery', async () => {
  const { url, deliveries } = await receiver(status(503), status(200))
  const { observe, monitor, clock } = monitored({ alerts: { webhook: { url } } })
  observe(5, { status: 'failed' })
  monitor.health()
  await eventually(() => expect(deliveries).toHaveLength(1))
  monitor.configure({ minSamples: 4, webhook: { url } })
  await vi.waitFor(
    async () => {
      await clock.advance(1000)
      expect(deliveries).toHaveLength(2)
    },
    { timeout: 10_000, interval: 10 },
  )
  const [first, again] = deliveries
  expect(again!.headers['x-hotwell-delivery']).toBe(first!.headers['x-hotwell-delivery'])
})

test('three retries, then it is given up and told, without path and query of the URL', async () => {
  const { url, deliveries } = await receiver(status(503))
  const scene = hook({ url: `${url}?token=sesame` })
  scene.webhook.send({ n: 1 })
  await drained(scene)
  expect(deliveries).toHaveLength(4)
  expect(scene.webhook.failed).toBe(1)
  expect(scene.warnings).toEqual([expect.stringContaining('HTTP 503 (attempt 4)')])
  expect(scene.warnings.join()).not.toMatch(/sesame|\/alerts/)
})

test('a receiver that hangs is left after five seconds, and what waits behind it is delivered', async () => {
  const { url, deliveries } = await receiver(hang, hang, hang, hang, status(200))
  const scene = hook({ url })
  scene.webhook.send({ n: 1 })
  scene.webhook.send({ n: 2 })
  await eventually(() => expect(deliveries).toHaveLength(1))
  await drained(scene)
  expect(deliveries.map(({ body }) => JSON.parse(body).n)).toEqual([1, 1, 1, 1, 2])
  expect(scene.warnings).toEqual([expect.stringContaining('did not answer within 5 s')])
})

test('a redirect is not followed: the signed body is for one receiver', async () => {
  const elsewhere = await receiver()
  const { url, deliveries } = await receiver(status(307, { location: elsewhere.url }))
  const scene = hook({ url })
  scene.webhook.send({ n: 1 })
  await drained(scene)
  expect(deliveries).toHaveLength(1)
  expect(elsewhere.deliveries).toHaveLength(0)
  expect(scene.warnings).toEqual([expect.stringContaining('a redirect, which is not followed')])
})

test('a refusal is not repeated, and nobody there is told by the code of the network', async () => {
  const { url, deliveries } = await receiver(status(404))
  const refused = hook({ url })
  refused.webhook.send({ n: 1 })
  await drained(refused)
  expect(deliveries).toHaveLength(1)
  const away = hook({ url: 'http://127.0.0.1:9/', retries: 0 })
  away.webhook.send({ n: 1 })
  await drained(away)
  expect(away.warnings).toEqual([expect.stringMatching(/cannot be reached \(\w+\)/)])
})

test('behind a receiver that is too slow a hundred wait; then the oldest are given up, and nothing waits after closing', async () => {
  const { url, deliveries } = await receiver(hang)
  const { webhook, warnings } = hook({ url })
  for (let n = 0; n < 150; n++) webhook.send({ n })
  await eventually(() => expect(deliveries).toHaveLength(1))
  expect(webhook.failed).toBe(49)
  expect(warnings[0]).toContain('too slow')
  webhook.close()
  await webhook.drained()
  webhook.send({ n: 200 })
  expect(deliveries).toHaveLength(1)
})
