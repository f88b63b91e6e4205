/** Keeps the process alive until the work is done: timers and threads here do not, but somebody awaits this. */
export async function keepAlive<T>(work: Promise<T>): Promise<T> {
  const handle = setInterval(() => {}, 2 ** 30)
  try {
    return await work
  } finally {
    clearInterval(handle)
  }
}
