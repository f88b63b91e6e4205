import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process, so that another one can tell whether it is still there. */
export interface ServerProcess {
  readonly host: string
  /** Within it a process id means one process: this boot of the machine, and this container. */
  readonly place: string
  readonly pid: number
  /** In ticks since the boot, as the system counts; undefined where it does not tell. */
  readonly started?: string
}

export function thisProcess(): ServerProcess {
  const host = hostname()
  const { pid } = process
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return { host, place: `${boot} ${readlinkSync('/proc/self/ns/pid')}`, pid, started: startOf(pid) }
  } catch {
    return { host, place: host, pid }
  }
}

/** Whether it is there; undefined where that cannot be told from here. */
export function isThere({ place, pid, started }: ServerProcess): boolean | undefined {
  if (place !== thisProcess().place) return undefined
  if (started !== undefined) return startOf(pid) === started
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  // Another process may have its number by now.
  return pid === process.pid || undefined
}

/** Undefined for a process that has ended. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : fields[18]
  } catch {
    return undefined
  }
}
