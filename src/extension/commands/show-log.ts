import type { Command } from './command';

/** Shows what the extension and its server have logged. */
export const showLog: Command = {
  id: 'deltalens.showLog',
  run: ({ log }) => log.show(),
};
