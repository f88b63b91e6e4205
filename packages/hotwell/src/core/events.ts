/** A listener of one event. What it throws hurts nobody: it is given to the emitter's `onError`. */
export type Listener<T> = (event: T) => void

/**
 * Tells listeners what happened. Events only tell: nothing that steers a decision goes through them.
 * Listeners run synchronously in the order of their registration.
 */
export class Events<EventMap extends object> {
  readonly #listeners = new Map<keyof EventMap, Set<Listener<never>>>()
  readonly #onError: (error: unknown, name: string) => void

  constructor(onError: (error: unknown, name: string) => void = () => {}) {
    this.#onError = onError
  }

  /** Registers a listener and returns the function that removes it. */
  on<Name extends keyof EventMap>(name: Name, listener: Listener<EventMap[Name]>): () => void {
    let listeners = this.#listeners.get(name)
    if (!listeners) this.#listeners.set(name, (listeners = new Set()))
    listeners.add(listener as Listener<never>)
    return () => void listeners.delete(listener as Listener<never>)
  }

  emit<Name extends keyof EventMap>(name: Name, event: EventMap[Name]): void {
    const listeners = this.#listeners.get(name)
    if (!listeners) return
    for (const listener of [...listeners]) {
      try {
        ;(listener as Listener<EventMap[Name]>)(event)
      } catch (error) {
        this.#onError(error, String(name))
      }
    }
  }
}
