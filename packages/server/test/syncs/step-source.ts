import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A source that gives a page each time that a file beside it grows, so that a test decides how far a run gets. */
export async function writeSteps(folder: string): Promise<{ use: string; path: string; step: () => Promise<void> }> {
  const [use, path] = [join(folder, 'steps.mjs'), join(folder, 'steps.txt')]
  await writeFile(path, '')
  await writeFile(
    use,
    `import { readFile } from 'node:fs/promises'
    import { setTimeout as pause } from 'node:timers/promises'
    export function steps(path) {
      return { name: 'steps', identity: path, consistency: 'snapshot', order: 'none', cursors: 'durable', async *read({ after = '0', signal }) {
        for (let page = Number(after) + 1; ; page++) {
          let text = ''
          while ((text = await readFile(path, 'utf8')).length < page) await pause(10, undefined, { signal })
          if (text[page - 1] === '!') throw new Error('the steps are broken')
          yield { records: [{ id: 'step-' + page, type: 'step', name: 'Step ' + page, attributes: {} }], position: String(page), share: page / 10 }
          if (text[page - 1] === '.') return
        }
      } }
    }`,
  )
  return { use, path, step: () => appendFile(path, 'x') }
}
