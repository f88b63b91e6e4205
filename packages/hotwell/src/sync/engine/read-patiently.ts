import { isHotwellError } from '../../core/errors.ts'
import type { SourcePage } from '../source.ts'
import type { Patience } from './patience.ts'

/**
 * Pages, however often the source fails in between. `resumes`: it is read on behind the last page; otherwise from the
 * beginning, so that pages may come again.
 */
export async function* readPatiently(
  { patience, resumes }: { patience: Patience; resumes: boolean },
  open: (after: string | undefined) => AsyncIterable<SourcePage>,
): AsyncGenerator<SourcePage> {
  let pages: AsyncIterator<SourcePage> | undefined
  let after: string | undefined
  const next = async () => {
    pages ??= open(after)[Symbol.asyncIterator]()
    try {
      return await pages.next()
    } catch (error) {
      pages = undefined
      if (!resumes || isHotwellError(error, 'position_lost')) after = undefined
      throw error
    }
  }
  try {
    for (;;) {
      const { done, value } = await patience.with(next)
      if (done) return
      after = value.position
      yield value
    }
  } finally {
    await pages?.return?.()
  }
}
