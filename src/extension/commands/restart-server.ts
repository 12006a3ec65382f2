import type { Command } from './command';

/** Ends the analysis server and starts it anew. */
export const restartServer: Command = {
  id: 'deltalens.restartServer',
  async run({ client, tree }) {
    await client.restart();
    tree.refresh();
  },
};
