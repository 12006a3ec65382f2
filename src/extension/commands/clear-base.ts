import type { Command } from './command';

/** Forgets the selected base, so that each family's own one counts again. */
export const clearBase: Command = {
  id: 'deltalens.clearBase',
  run: (context) => context.base.select(undefined),
};
