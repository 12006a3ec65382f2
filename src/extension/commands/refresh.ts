import type { Command } from './command';

/** Looks again at what the workspace holds. */
export const refresh: Command = {
  id: 'deltalens.refresh',
  run: ({ tree }) => tree.refresh(),
};
