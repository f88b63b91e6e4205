import type { Batch } from '../../model/rows.ts'
import type { Applied } from '../../target.ts'

/** So many batches alike make a habit. */
const alikes = 3
/** After one that was otherwise, so many go by before the next is made. */
const disappointment = 16

type Outcome = 'inserted' | 'unchanged'

/**
 * Tells beforehand what becomes of a batch of a bulk load, where that is the same again and again: all is new, or all is
 * there as it is. Whoever relies on it has it checked before the commit.
 */
export class BatchHabit {
  #outcome: Outcome | undefined
  #times = 0

  expected(batch: Batch): Applied | undefined {
    return this.#outcome && this.#times >= alikes && isPlain(batch) ? applied(batch, this.#outcome) : undefined
  }

  learn(batch: Batch, { inserted, unchanged }: Applied): void {
    const { length } = batch.elements
    const outcome = inserted === length ? 'inserted' : unchanged === length ? 'unchanged' : undefined
    if (!isPlain(batch) || !outcome) this.#times = Math.min(this.#times, 0)
    else if (outcome === this.#outcome || this.#times < 0) this.#times++
    else this.#times = 1
    this.#outcome = outcome
  }

  disappoint(): void {
    this.#times = -disappointment
  }
}

function isPlain({ elements, attributes, deletedElements, relations, deletedRelations }: Batch): boolean {
  return (
    elements.length > 0 && attributes.length + deletedElements.length + relations.length + deletedRelations.length === 0
  )
}

function applied({ elements }: Batch, outcome: Outcome): Applied {
  const none = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0, refused: [] }
  return { ...none, [outcome]: elements.length }
}
