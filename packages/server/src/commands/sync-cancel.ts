import { runActionCommand } from './sync-target.ts'

/** `hotwell sync cancel SYNC|RUN`: end a run before its end. */
export const syncCancelCommand = () =>
  runActionCommand('cancel', {
    summary: 'end a run before its end',
    description: 'Ends a run. What is written stays, and the next run goes on from there.',
  })
