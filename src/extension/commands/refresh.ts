import { tellMoved } from '../hub-news';
import type { Command } from './command';

/** Looks again at what the workspace holds, and asks about the branches of models of the Hub that editors show. */
export const refresh: Command = {
  id: 'deltalens.refresh',
  run: (context) => {
    context.tree.refresh();
    return tellMoved(context);
  },
};
