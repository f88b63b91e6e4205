import { setImmediate } from 'node:timers/promises'
import { type AlertOptions, checkedAlerts } from 'hotwell/monitoring'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { monitored } from './performance-scene.ts'

const minute = 60_000
type Scene = ReturnType<typeof monitored>

/** Each alert: how it is caused, and what is just not enough for it. */
const causes: [string, string, string, (scene: Scene) => unknown, (scene: Scene) => unknown][] = [
  [
    'minSuccessRate',
    'high',
    'unhealthy',
    ({ observe }) => {
      observe(7)
      observe(2, { status: 'failed' })
    },
    ({ observe }) => {
      observe(8)
      observe(2, { status: 'failed' })
    },
  ],
  [
    'maxAvgDurationSeconds',
    'medium',
    'degraded',
    ({ observe }) => observe(5, { totalMs: 121_000 }),
    ({ observe }) => observe(5, { totalMs: 120_000 }),
  ],
  [
    'maxTimeoutRate',
    'high',
    'unhealthy',
    ({ observe }) => {
      observe(89)
      observe(11, { status: 'timeout' })
    },
    ({ observe }) => {
      observe(90)
      observe(10, { status: 'timeout' })
    },
  ],
  [
    'maxConcurrentAcquisitions',
    'medium',
    'degraded',
    ({ monitor, clock }) => {
      for (let i = 0; i < 6; i++) monitor.recordStart(`${i}`, 'court')
      return clock.advance(10_000)
    },
    ({ monitor, clock }) => {
      for (let i = 0; i < 5; i++) monitor.recordStart(`${i}`, 'court')
      return clock.advance(10_000)
    },
  ],
  [
    'minCacheHitRate',
    'low',
    'warning',
    ({ lookups }) => void Object.assign(lookups, { hits: 2, misses: 3 }),
    ({ lookups }) => void Object.assign(lookups, { hits: 7, misses: 3 }),
  ],
]

describe.each(causes)('%s', (rule, severity, state, cause, justNot) => {
  test(`is raised as ${severity}, once, and makes the server ${state}`, async () => {
    const scene = monitored()
    await cause(scene)
    const health = scene.monitor.health()
    expect(health).toMatchObject({
      state,
      alerts: [{ rule, severity, message: expect.stringMatching(/^\S.*\d.*\.$/) }],
    })
    scene.monitor.health()
    await scene.clock.advance(20_000)
    expect(scene.told).toMatchObject([{ type: 'alert.raised', rule, severity, health: state }])
  })

  test('is not raised by what is just allowed', async () => {
    const scene = monitored()
    await justNot(scene)
    expect(scene.monitor.health()).toMatchObject({ state: 'healthy', alerts: [] })
  })
})

test('an alert comes within a second of what causes it, without anybody asking', async () => {
  const { clock, observe, told } = monitored()
  observe(5, { status: 'failed' })
  await clock.advance(1000)
  expect(told).toMatchObject([{ type: 'alert.raised', rule: 'minSuccessRate' }])
})

test('an alert goes when its window has run dry: no traffic, no alert', async () => {
  const { clock, observe, told, monitor } = monitored()
  observe(5, { status: 'failed' })
  await clock.advance(14 * minute)
  expect(monitor.health().state).toBe('unhealthy')
  await clock.advance(2 * minute)
  expect(told.map(({ type }) => type)).toEqual(['alert.raised', 'alert.cleared'])
  expect(told[1]).toMatchObject({ rule: 'minSuccessRate', health: 'healthy' })
})

test('four failures are too few to judge', () => {
  const { monitor, observe } = monitored()
  observe(4, { status: 'failed' })
  expect(monitor.health().state).toBe('healthy')
})

test('a burst of acquisitions that is over within ten seconds is no alert', async () => {
  const { monitor, clock } = monitored()
  for (let i = 0; i < 30; i++) monitor.recordStart(`${i}`, 'court')
  await clock.advance(9000)
  for (let i = 0; i < 26; i++) monitor.recordEnd(`${i}`, { success: true, totalSeconds: 9 })
  await clock.advance(10_000)
  expect(monitor.health().alerts).toEqual([])
})

test('a rule of one’s own is asked, its text is the message; one that throws raises nothing and is told once', async () => {
  const logged: string[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (_: object, message: string) => logged.push(message) }
  const rules: AlertOptions['rules'] = [
    { name: 'slow-p99', severity: 'low', when: ({ p99Seconds }) => p99Seconds > 5 && `P99 is ${p99Seconds} s` },
    { name: 'flag', severity: 'medium', when: ({ totalAcquisitions }) => totalAcquisitions > 0 },
    {
      name: 'broken',
      severity: 'high',
      when: () => {
        throw new Error('oops')
      },
    },
  ]
  const { monitor, observe } = monitored({ alerts: { rules }, logger })
  observe(5, { totalMs: 6000 })
  expect(monitor.health()).toMatchObject({
    state: 'degraded',
    alerts: [
      { rule: 'slow-p99', message: 'P99 is 6 s' },
      { rule: 'flag', message: 'The rule "flag" is met.' },
    ],
  })
  monitor.health()
  expect(logged).toEqual([expect.stringContaining('"broken"')])
})

test.each<[string, unknown]>([
  ['an empty text', ''],
  ['null', null],
  ['nothing', undefined],
  ['a number', 3],
])('a rule that returns %s raises nothing: only true and a text do', (_, answer) => {
  const when = () => answer as boolean
  const { monitor } = monitored({ alerts: { rules: [{ name: 'odd', severity: 'high', when }] } })
  expect(monitor.health().alerts).toEqual([])
})

test('a rule that returns a promise raises nothing and is told; that it fails hurts nobody', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(() => void process.off('unhandledRejection', unhandled))
  const logged: object[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => logged.push(fields) }
  const when = (async () => Promise.reject(new Error('oops'))) as unknown as () => boolean
  const { monitor } = monitored({ alerts: { rules: [{ name: 'later', severity: 'high', when }] }, logger })
  expect(monitor.health().alerts).toEqual([])
  await setImmediate()
  expect(unhandled).not.toHaveBeenCalled()
  expect(logged).toMatchObject([{ rule: 'later', err: { message: expect.stringContaining('promise') } }])
})

test('rules that ask for the health they decide on are answered, and the alert is told once', () => {
  let asked = 0
  const when = () => ++asked > 0 && scene.monitor.health().checkedAt > 0
  const rules: AlertOptions['rules'] = [
    { name: 'one', severity: 'low', when },
    { name: 'two', severity: 'low', when },
  ]
  const scene = monitored({ alerts: { rules } })
  expect(scene.monitor.health().alerts).toMatchObject([{ rule: 'one' }, { rule: 'two' }])
  expect(scene.told).toHaveLength(2)
  expect(asked).toBe(2)
})

test('hits of the hours in which nothing was acquired do not hide the misses of now', async () => {
  const scene = monitored()
  scene.lookups.hits += 1_000_000
  await scene.clock.advance(10 * 60 * minute)
  scene.lookups.misses += 50_000
  scene.observe(1)
  expect(scene.monitor.health().alerts).toMatchObject([{ rule: 'minCacheHitRate', value: expect.closeTo(1 / 3, 1) }])
})

test('another window forgets nothing that lies within it', async () => {
  const { monitor, observe, clock, told } = monitored()
  observe(5, { status: 'failed' })
  monitor.health()
  await clock.advance(5 * minute)
  monitor.configure({ windowSeconds: 1800 })
  await clock.advance(15 * minute)
  expect(monitor.health().alerts).toMatchObject([{ rule: 'minSuccessRate' }])
  monitor.configure({ windowSeconds: 60 })
  expect(told.map(({ type }) => type)).toEqual(['alert.raised', 'alert.cleared'])
})

test('a closed monitor tells nothing any more; what it counted can be read', async () => {
  const { monitor, observe, told, clock } = monitored()
  monitor.close()
  observe(5, { status: 'failed' })
  await clock.advance(minute)
  expect(monitor.health().state).toBe('healthy')
  expect(told).toEqual([])
  expect(monitor.snapshot().failed).toBe(5)
})

test('a listener that throws keeps nobody from hearing', async () => {
  const { monitor, observe } = monitored({
    onAlert: () => {
      throw new Error('deaf')
    },
  })
  observe(5, { status: 'failed' })
  expect(monitor.health().state).toBe('unhealthy')
})

test('thresholds change while it runs: what is no longer due is cleared, what is refused changes nothing', () => {
  const { monitor, observe, told } = monitored()
  observe(5, { status: 'failed' })
  monitor.health()
  expect(() => monitor.configure({ minSuccessRate: 2 })).toThrow(
    /alerts\.minSuccessRate has to be a rate from 0 to 1, not 2/,
  )
  expect(monitor.health().state).toBe('unhealthy')
  monitor.configure({ minSuccessRate: 0 })
  expect(told.map(({ type }) => type)).toEqual(['alert.raised', 'alert.cleared'])
  monitor.configure(false)
  expect(monitor.health().state).toBe('healthy')
})

test.each<[object, RegExp]>([
  [{ minSuccesRate: 0.5 }, /minSuccesRate is not known; known are minSuccessRate/],
  [{ maxTimeoutRate: -1 }, /maxTimeoutRate has to be a rate/],
  [{ maxAvgDurationSeconds: 0 }, /maxAvgDurationSeconds has to be a number of seconds above 0, not 0/],
  [{ maxConcurrentAcquisitions: 1.5 }, /maxConcurrentAcquisitions has to be a whole number/],
  [
    { windowSeconds: Number.POSITIVE_INFINITY },
    /windowSeconds has to be a number of seconds, at most 86400, not Infinity/,
  ],
  [{ minSamples: Number.NaN }, /minSamples has to be a whole number above 0, not NaN/],
  [{ minSamples: 5n }, /minSamples has to be a whole number above 0, not 5n/],
  [{ rules: 'all' }, /rules has to be a list of rules, not 'all'/],
  [{ rules: [null] }, /rules\[0\] has to be \{ name, severity, when \}, not null/],
  [{ rules: [{ name: 'a', severity: 'low', when: () => true, text: 'b' }] }, /rules\[0\]\.text is not known/],
  [{ rules: [{ name: 'a b', severity: 'low', when: () => true }] }, /rules\[0\]\.name/],
  [{ rules: [{ name: 'minSuccessRate', severity: 'low', when: () => true }] }, /another rule/],
  [
    { rules: [{ name: 'a', severity: 'severe', when: () => true }] },
    /rules\[0\]\.severity has to be low, medium, high/,
  ],
  [{ rules: [{ name: 'a', severity: 'low' }] }, /rules\[0\]\.when/],
  [{ webhook: { url: 'ftp://example.com' } }, /webhook\.url has to begin with/],
  [{ webhook: { url: 'https://user:sesame@example.com' } }, /webhook\.url must not hold/],
  [{ webhook: { url: 'https://example.com', secret: 'short' } }, /webhook\.secret/],
  [{ webhook: { url: 'https://example.com', timeoutSeconds: 0 } }, /webhook\.timeoutSeconds/],
  [{ webhook: { url: 'https://example.com', timeoutSeconds: '5' } }, /webhook\.timeoutSeconds .* not '5'/],
  [{ webhook: { url: 'https://example.com', retries: -1 } }, /webhook\.retries/],
  [{ webhook: { url: 'https://example.com', retrys: 3 } }, /webhook\.retrys is not known; known are url, secret/],
  [{ webhook: null }, /webhook has to be an object/],
])('options that make no sense are refused with the field: %o', (alerts, message) => {
  expect(() => monitored({ alerts: alerts as AlertOptions })).toThrow(message)
  expect(() => checkedAlerts(alerts as AlertOptions)).toThrow(
    expect.objectContaining({ code: 'invalid_configuration' }),
  )
})

test('no alerts at all are refused as well, and a webhook is never shown', () => {
  expect(() => checkedAlerts(null as unknown as AlertOptions)).toThrow('alerts have to be an object, or false.')
  const url = 'https://example.com/hook/sesame'
  expect(() => checkedAlerts({ webhook: url } as unknown as AlertOptions)).toThrow(/^(?!.*sesame).*webhook/)
})
