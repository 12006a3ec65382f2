import type { DeltalensContext } from '../context';

/**
 * A command of the palette, a menu or a tree item. Explorer menus pass the clicked URI and all selected ones, the tree
 * its nodes alike, the palette nothing.
 */
export interface Command {
  /** As in `package.json`. */
  readonly id: string;
  readonly run: (context: DeltalensContext, ...given: readonly unknown[]) => Promise<void> | void;
}
