import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'

export interface ThreadOptions {
  /** As a debugger shows it. */
  readonly name: string
  /** What the thread finds as `workerData`. */
  readonly data: unknown
  /** For a thread that imports packages of this workspace by their names, in development: their conditions. */
  readonly conditions?: readonly string[]
}

/**
 * Starts a module in a thread of its own: `./a-worker` beside the module whose `import.meta.url` is given. The source runs
 * as it is in development, and what was compiled where that is published; the name of the module that asks tells which.
 */
export function startThread(file: string, beside: string, { name, data, conditions = [] }: ThreadOptions): Worker {
  keepGenericWrappers()
  const isSource = beside.endsWith('.ts')
  return new Worker(new URL(`${file}.${isSource ? 'ts' : 'js'}`, beside), {
    name,
    workerData: data,
    // Not those of the process: it may have been started with a debugger, a loader or a script on the command line.
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      ...(isSource ? conditions.map(condition => `--conditions=${condition}`) : []),
    ],
  })
}

let areGeneric = false

/**
 * V8 13 (Node 24) compiles the calls from WebAssembly into JavaScript once they were made a thousand times, shares that
 * code among all threads, and may free it while another thread just takes it: the process crashes (SIGSEGV in
 * `NativeModule::FreeCode`). Node's `fetch` and its stripping of types are WebAssembly. V8 14 has mended it; here such
 * calls stay as they begin, which costs some nanoseconds each.
 */
function keepGenericWrappers(): void {
  if (areGeneric) return
  areGeneric = true
  if (process.versions.v8.startsWith('13.')) setFlagsFromString('--wasm-wrapper-tiering-budget=2000000000')
}
