/**
 * Begins to listen for SIGTERM and SIGINT, before anything is started that would have to be stopped. A second signal
 * ends the process at once, with the code that shells give for that signal.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let stopping = false
    for (const [name, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      process.on(name, () => {
        if (stopping) process.exit(code)
        stopping = true
        resolve(name)
      })
    }
  })
}

/** Keeps the process alive until the signal comes, stops in order and resolves. */
export async function runUntilStopped(
  signalled: Promise<NodeJS.Signals>,
  stop: (signal: NodeJS.Signals) => Promise<void>,
): Promise<void> {
  // Timers of the library keep no process alive; while the server listens, this does.
  const alive = setInterval(() => undefined, 2 ** 30)
  const signal = await signalled
  try {
    await stop(signal)
  } finally {
    clearInterval(alive)
  }
}
