#!/usr/bin/env node
// Plain JavaScript that any Node can read, so that an old one gets a clear message instead of a syntax error.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `Hotwell runs on Node 24 or newer; this is Node ${process.versions.node}.\n` +
      'In a clone run it as `npx hotwell …` or `npm start`: both use the Node 24 in node_modules. Elsewhere install Node 24.',
  )
  process.exit(1)
}

const { existsSync } = await import('node:fs')
const { registerHooks } = await import('node:module')

// SQLite's "experimental" notice is not for the people who run Hotwell; every other warning still shows.
const emitWarning = process.emitWarning
process.emitWarning = (warning, ...rest) => {
  if (!(rest.includes('ExperimentalWarning') && String(warning).includes('SQLite'))) {
    emitWarning.call(process, warning, ...rest)
  }
}

const source = new URL('../src/main.ts', import.meta.url)
if (existsSync(source)) {
  // A clone runs its TypeScript as it is. In this thread and without a second process, so signals reach the right one.
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      nextResolve(specifier, { ...context, conditions: ['hotwell-source', ...context.conditions] }),
  })
}
const { main } = await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href)
await main(process.argv)
