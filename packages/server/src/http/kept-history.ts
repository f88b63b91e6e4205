import type { History } from 'hotwell/history'
import { RequestRefused } from './problem.ts'

/** @throws RequestRefused `not_found` where the configuration switches the history off */
export function keptHistory(history: History | undefined): History {
  if (history) return history
  throw new RequestRefused('not_found', 'This server keeps no history: its configuration says `history: false`.')
}
