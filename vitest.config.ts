import { defineConfig } from 'vitest/config'

/** `npm test` runs every deciding test in a short form; `--mode long` (npm run test:long) has the full counts. */
export default defineConfig(({ mode }) => ({
  ssr: { resolve: { conditions: ['hotwell-source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    env: { HOTWELL_TEST_SCALE: mode === 'long' ? 'long' : 'short' },
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--conditions=hotwell-source', '--disable-warning=ExperimentalWarning'],
    testTimeout: mode === 'long' ? 1_800_000 : 60_000,
    hookTimeout: 60_000,
  },
}))
