/**
 * Waits for SIGTERM or SIGINT, stops in order and resolves. A second signal ends the process at once, with the code
 * that shells give for that signal.
 */
export async function runUntilStopped(stop: (signal: NodeJS.Signals) => Promise<void>): Promise<void> {
  // Timers of the library keep no process alive; while the server listens, this does.
  const alive = setInterval(() => undefined, 2 ** 30)
  const signal = await new Promise<NodeJS.Signals>(resolve => {
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
  try {
    await stop(signal)
  } finally {
    clearInterval(alive)
  }
}
