import { readFile } from 'node:fs/promises'
import { apiKeyActions } from '@hotwell/server'
import { expect, test } from 'vitest'
import { configSchema } from '../../src/config/config-schema.ts'
import { ask, start } from '../start.ts'

interface Operation {
  operationId: string
  summary: string
  parameters?: { name: string; in: string; required?: boolean }[]
  responses: Record<string, { content?: Record<string, { schema: object; example?: unknown }> }>
}

const performance = [
  ...['GET metrics', 'GET statistics', 'GET health', 'GET resource-usage', 'GET syncs', 'POST optimize-concurrency'],
  ...['GET cache-stats', 'POST cache/warm-up', 'DELETE cache/clear', 'POST metrics/reset', 'POST resources/cleanup'],
].map(route => route.split(' ') as [method: string, path: string])
const performancePrefixes = ['/api/v1/performance', '/api/v1/automation/performance']

const expected = [
  ...performancePrefixes.flatMap(prefix => performance.map(([method, path]) => `${method} ${prefix}/${path}`)),
  'DELETE /api/v1/accounts/{site}/{account}',
  'DELETE /api/v1/blacklist/{site}/{account}',
  'DELETE /api/v1/history',
  'GET /',
  'GET /api/v1/accounts',
  'GET /api/v1/accounts/{site}/{account}',
  'GET /api/v1/blacklist',
  'GET /api/v1/history',
  'GET /api/v1/history/statistics',
  'GET /api/v1/runs/{id}',
  'GET /api/v1/runs/{id}/report',
  'GET /api/v1/syncs',
  'GET /api/v1/syncs/{name}',
  'GET /api/v1/syncs/{name}/dead-letters',
  'GET /api/v1/syncs/{name}/runs',
  'GET /api/v1/tokens',
  'GET /api/v1/tokens/{provider}/{kind}',
  'GET /api/v1/tokens/{provider}/{kind}/{subject}',
  'GET /healthz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /readyz',
  'PATCH /api/v1/accounts/{site}/{account}',
  'POST /api/v1/accounts',
  'POST /api/v1/runs/{id}/cancel',
  'POST /api/v1/runs/{id}/pause',
  'POST /api/v1/runs/{id}/resume',
  'POST /api/v1/runs/{id}/retry',
  'POST /api/v1/syncs/{name}/runs',
  'POST /api/v1/syncs/{name}/verify',
  'POST /api/v1/tokens/{provider}/{kind}/-/invalidate',
  'POST /api/v1/tokens/{provider}/{kind}/-/refresh',
  'POST /api/v1/tokens/{provider}/{kind}/{subject}/-/invalidate',
  'POST /api/v1/tokens/{provider}/{kind}/{subject}/-/refresh',
  'PUT /api/v1/blacklist/{site}/{account}',
].sort()

test('the document is OpenAPI 3.1, has every route, and every reference in it leads somewhere', async () => {
  const server = await start({})
  const reply = await ask(server.url, '/openapi.json')
  const document = reply.json
  expect(document.openapi).toBe('3.1.0')
  expect(document.info).toMatchObject({ title: 'Hotwell', version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  const paths = document.paths as Record<string, Record<string, Operation>>
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  )
  expect(operations.map(({ name }) => name).sort()).toEqual(expected)
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
  for (const { name, path, operation } of operations) {
    expect(operation.summary, name).toBeTruthy()
    expect(operation.responses.default, name).toMatchObject({
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    })
    const inPath = operation.parameters?.filter(parameter => parameter.in === 'path') ?? []
    expect(inPath.map(parameter => `{${parameter.name}}`).sort(), name).toEqual((path.match(/\{[^}]+\}/g) ?? []).sort())
    expect(
      inPath.every(parameter => parameter.required),
      name,
    ).toBe(true)
  }
  for (const [, pointer] of reply.text.matchAll(/"\$ref":"#([^"]+)"/g)) {
    const target = pointer!
      .split('/')
      .slice(1)
      .reduce((node, key) => node?.[key], document)
    expect(target, pointer).toBeTypeOf('object')
  }
})

test('replies that carry data show an example', async () => {
  const server = await start({})
  const { paths } = (await ask(server.url, '/openapi.json')).json
  for (const [path, method] of [
    ['/api/v1/tokens/{provider}/{kind}/{subject}', 'get'],
    ['/api/v1/tokens/{provider}/{kind}/{subject}/-/refresh', 'post'],
    ['/api/v1/tokens/{provider}/{kind}/{subject}/-/invalidate', 'post'],
    ['/readyz', 'get'],
    ['/api/v1/accounts', 'get'],
    ['/api/v1/accounts/{site}/{account}', 'patch'],
    ['/api/v1/blacklist', 'get'],
    ['/api/v1/blacklist/{site}/{account}', 'put'],
    ['/api/v1/history', 'get'],
    ['/api/v1/history/statistics', 'get'],
    ['/api/v1/history', 'delete'],
    ['/api/v1/syncs', 'get'],
    ['/api/v1/syncs/{name}', 'get'],
    ['/api/v1/syncs/{name}/runs', 'get'],
    ['/api/v1/syncs/{name}/runs', 'post'],
    ['/api/v1/syncs/{name}/verify', 'post'],
    ['/api/v1/syncs/{name}/dead-letters', 'get'],
    ['/api/v1/runs/{id}', 'get'],
    ['/api/v1/runs/{id}/retry', 'post'],
    ...performancePrefixes.flatMap(prefix =>
      performance.map(([method, path]) => [`${prefix}/${path}`, method.toLowerCase()] as const),
    ),
  ] as const) {
    const { 200: found, 202: taken } = paths[path][method].responses
    expect(JSON.stringify(found ?? taken), path).toMatch(/"examples?":/)
  }
})

test('the README tells of every route and of every field of the configuration', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const inPerformance = new Set(performance.map(([method, path]) => `${method} ${path}`))
  for (const route of inPerformance) expect(readme).toContain(`| \`${route}\``)
  for (const prefix of performancePrefixes) expect(readme).toContain(`${prefix}/`)
  const others = expected.filter(route => !route.includes('/performance/') && !route.includes('{provider}'))
  for (const route of others) expect(readme).toContain(`\`${route}`)
  for (const field of Object.keys(configSchema.shape)) expect(readme).toContain(`\`${field}\``)
  for (const action of apiKeyActions.filter(one => one !== 'admin')) expect(readme).toContain(`\`${action}\` `)
})
