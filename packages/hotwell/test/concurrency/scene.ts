import { createGate, type Gate, type GateOptions, type GateRequest, type GateSlot } from 'hotwell/concurrency'
import { FakeClock } from '../../src/testing/fake-clock.ts'

/** A gate on a fake clock, and a list of who was let in, in order. */
export function scene(options: Partial<GateOptions> = {}) {
  const clock = new FakeClock()
  const gate = createGate({ clock, ...options })
  const entered: string[] = []
  const slots = new Map<string, GateSlot>()
  const failures = new Map<string, unknown>()

  /** Asks for a slot and notes what comes of it under `name`. */
  function ask(name: string, request: Partial<GateRequest> = {}): void {
    enter(gate, { subject: name, ...request }).then(
      slot => {
        entered.push(name)
        slots.set(name, slot)
      },
      error => failures.set(name, error),
    )
  }

  /** Lets everything happen that is due now. */
  const settle = () => clock.advance(0)

  async function release(...names: string[]): Promise<void> {
    for (const name of names) slots.get(name)!.release()
    await settle()
  }

  return { clock, gate, entered, slots, failures, ask, settle, release }
}

export function enter(gate: Gate, request: Partial<GateRequest> = {}): Promise<GateSlot> {
  return gate.enter({ provider: 'feishu', kind: 'tenant', priority: 'foreground', ...request })
}

export const account = (subject: string, site = 'court'): Partial<GateRequest> => ({
  provider: site,
  kind: 'account',
  subject,
})
