import { runActionCommand } from './sync-target.ts'

/** `hotwell sync resume SYNC|RUN`: go on with a run that is paused. */
export const syncResumeCommand = () =>
  runActionCommand('resume', {
    summary: 'go on with a run that is paused',
    description: 'Goes on with a run where it was paused or interrupted; nothing is written twice.',
  })
