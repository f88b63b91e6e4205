import { Cache } from 'hotwell/core'
import { expect, test } from 'vitest'
import { monitored, remoteSync } from './sync-scene.ts'

async function reported() {
  const scene = monitored()
  const { begin, page, batch, failBatch, fail, finish } = remoteSync(scene)
  begin()
  for (let i = 1; i <= 10; i++) {
    page({ records: 1000, readMs: 20, prepareMs: 4 })
    scene.used.cpuSeconds += 0.12
    scene.used.rssBytes = 100 * 1024 * 1024 + i * 1024 * 1024
    await scene.clock.advance(200)
    batch({ records: i <= 5 ? 1000 : 250, writeMs: 8, delayMs: 2, bytes: 1024 * 1024, failed: i === 10 ? 25 : 0 })
  }
  finish()
  begin()
  await scene.clock.advance(1000)
  failBatch('target_unavailable')
  fail('target_unavailable')
  return scene
}

test('a report has tables for people, whose columns are aligned', async () => {
  const { monitor } = await reported()
  const { text } = monitor.report()
  expect(text).toMatchInlineSnapshot(`
    "Syncs from 2026-01-01 00:00:00 UTC to 2026-01-01 00:00:03 UTC

    Records a second
    sync     now   peak  1 min  5 min  15 min  MB/s now
    -----  -----  -----  -----  -----  ------  --------
    plant  2,083  5,000  2,083  2,083   2,083       3.3

    Records
    sync     read  inserted  updated  unchanged  deleted  failed  error rate
    -----  ------  --------  -------  ---------  -------  ------  ----------
    plant  10,000     6,250        0          0        0      25       0.40%

    Runs
    sync   running  completed  failed  cancelled  retries  pauses  completed last
    -----  -------  ---------  ------  ---------  -------  ------  -----------------------
    plant        0          1       1          0        0       0  2026-01-01 00:00:02 UTC

    Stages, in ms
    sync   stage         times  mean   P50   P95   P99   max
    -----  ------------  -----  ----  ----  ----  ----  ----
    plant  read             10  20.0  20.0  20.0  20.0  20.0
    plant  prepare          10   4.0   4.0   4.0   4.0   4.0
    plant  buffer delay     10   2.0   2.0   2.0   2.0   2.0
    plant  write            10   8.0   8.0   8.0   8.0   8.0

    Transactions
    sync   success  size     times  mean  P50    P95    P99    max
    -----  -------  -------  -----  ----  ---  -----  -----  -----
    plant   90.91%  records     10   625  251  1,000  1,000  1,000
    plant           MB          10   1.0  1.0    1.0    1.0    1.0

    Process, while a run runs
                    now   peak  in all
    ------------  -----  -----  ------
    CPU, cores        0   0.60   1.2 s
    memory, MB    110.0  110.0
      JavaScript   38.1   38.1

    Latest runs
    sync   began                    state                       seconds  records  a second  CPU s  peak MB  records a second, from beginning to end
    -----  -----------------------  --------------------------  -------  -------  --------  -----  -------  ---------------------------------------
    plant  2026-01-01 00:00:02 UTC  failed: target_unavailable      1.0        0         0      0    110.0  ▁
    plant  2026-01-01 00:00:00 UTC  completed                       2.0    6,250     3,125    1.2    110.0  █████▅▃▃▃▃▃
    "
  `)
  for (const table of text.trimEnd().split('\n\n').slice(1)) {
    const [, titles, rule, ...rows] = table.split('\n')
    const ends = [...rule!.matchAll(/-+/g)].map(({ index, 0: { length } }) => index + length)
    for (const row of [titles!, ...rows]) for (const end of ends) expect([' ', '']).toContain(row.charAt(end))
  }
})

test('the same is there for programs, as plain data', async () => {
  const { monitor, clock } = await reported()
  monitor.watchCache('names', new Cache({ clock }))
  const { text, ...content } = monitor.report()
  expect(content).toEqual({ snapshot: monitor.snapshot(), anomalies: [], runs: monitor.runs() })
  expect(JSON.parse(JSON.stringify(content))).toEqual(content)
  expect(text).toContain('Caches\ncache  hits  misses')
})

test('several syncs have a line of all; what is unusual is a sentence', async () => {
  const scene = monitored()
  const [plant, office] = [remoteSync(scene), remoteSync(scene, 'office')]
  plant.begin()
  office.begin()
  office.batch()
  for (let minute = 0; minute < 33; minute++) {
    for (let i = 0; i < 20; i++) plant.page({ readMs: minute < 30 ? 10 : 1000 })
    await scene.clock.advance(60_000)
  }
  const { text } = scene.monitor.report()
  expect(text).toMatch(/^plant .*\noffice .*\nall /m)
  expect(text).toMatch(/^Anomalies\nplant: Reading 1,000 records takes 10\.0 s/m)
})

test('before anything has run it says from when to when, and no table is empty', () => {
  const { monitor } = monitored()
  const { text } = monitor.report()
  expect(text).toMatch(/^Syncs from 2026-01-01 00:00:00 UTC to 2026-01-01 00:00:00 UTC\n\nProcess, while a run runs\n/)
  expect(text).not.toMatch(/Stages|Caches|Latest runs|Anomalies/)
})
