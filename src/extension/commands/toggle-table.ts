import type { Command } from './command';

/** Switches the result in front between figure and table. */
export const toggleTable: Command = {
  id: 'deltalens.toggleTable',
  run: ({ results }) => results.active?.toggleTable(),
};
