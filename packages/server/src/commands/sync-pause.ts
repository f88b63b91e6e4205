import { runActionCommand } from './sync-target.ts'

/** `hotwell sync pause SYNC|RUN`: stop reading until it is resumed. */
export const syncPauseCommand = () =>
  runActionCommand('pause', {
    summary: 'stop reading until it is resumed',
    description:
      'Stops a run from reading more; what was read is written. It stays paused also when the server starts anew.',
  })
