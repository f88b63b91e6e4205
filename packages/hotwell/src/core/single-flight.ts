/** Lets everybody who asks for the same thing at the same time share one attempt at it. */
export class SingleFlight<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>()

  /** How many run. */
  get size(): number {
    return this.#running.size
  }

  /** The promise of the running attempt, or of the one that `start` begins. Success and failure are shared alike. */
  run(key: Key, start: () => Promise<Value> | Value): Promise<Value> {
    const running = this.#running.get(key)
    if (running) return running
    // A microtask later, so that a `start` that throws or asks for the same key meets a flight that is under way.
    const flight = Promise.resolve().then(start)
    this.#running.set(key, flight)
    // Only its own: after `forget` the key may belong to a later flight.
    const clear = () => {
      if (this.#running.get(key) === flight) this.#running.delete(key)
    }
    flight.then(clear, clear)
    return flight
  }

  /** Lets the next caller start anew, while those who share the running attempt keep it. */
  forget(key: Key): void {
    this.#running.delete(key)
  }
}
