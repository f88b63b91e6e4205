import type { Task, TaskState } from './executor-task.ts'
import { WaiterList } from './waiter-list.ts'

/** Every task that was accepted and has not ended, each in the list of its state. */
export class TaskLists {
  readonly #queueLimit: number
  readonly #lists = { queued: new WaiterList<Task>(), pausing: new WaiterList<Task>(), running: new WaiterList<Task>() }
  readonly #sizes = { queued: 0, pausing: 0, running: 0 }
  #room: PromiseWithResolvers<void> | undefined
  #idle: PromiseWithResolvers<void> | undefined

  constructor(queueLimit: number) {
    this.#queueLimit = queueLimit
  }

  get queued(): number {
    return this.#sizes.queued
  }

  get pausing(): number {
    return this.#sizes.pausing
  }

  get running(): number {
    return this.#sizes.running
  }

  get isEmpty(): boolean {
    return this.#sizes.queued + this.#sizes.pausing + this.#sizes.running === 0
  }

  /** Tasks between two attempts count as well: they come back. */
  get hasRoom(): boolean {
    return this.#sizes.queued + this.#sizes.pausing < this.#queueLimit
  }

  /** Whose turn it is. */
  get first(): Task | undefined {
    return this.#lists.queued.first
  }

  put(task: Task, state: TaskState): void {
    if (task.state !== 'ended') {
      this.#lists[task.state].remove(task)
      this.#sizes[task.state]--
    }
    task.state = state
    if (state !== 'ended') {
      this.#lists[state].add(task)
      this.#sizes[state]++
    }
    if (this.#room && this.hasRoom) this.wakeReaders()
    if (this.#idle && this.isEmpty) {
      this.#idle.resolve()
      this.#idle = undefined
    }
  }

  all(): Task[] {
    const tasks: Task[] = []
    for (const { first } of [this.#lists.queued, this.#lists.pausing, this.#lists.running]) {
      for (let task = first; task; task = task.next) tasks.push(task)
    }
    return tasks
  }

  /** Resolves when there is room, or somebody wakes those who wait for it. */
  room(): Promise<void> {
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  wakeReaders(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  /** Resolves when it is empty. */
  idle(): Promise<void> {
    if (this.isEmpty) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }
}
