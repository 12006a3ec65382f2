import type { Colouring } from '../../src/figure/colouring';
import type { Palette } from '../../src/figure/palette';
import type { Matrix, Tree } from '../../src/protocol/artifact';
import type { Tooltip } from './tooltip';
import type { Viewport } from './viewport';

/** One heatmap and what it tells its owner. Rows and columns in events are those of the matrix, whatever the order on screen. */
export interface HeatmapOptions {
  readonly matrix: Matrix;
  readonly colouring: Colouring;
  readonly palette: Palette;
  readonly order: string | undefined;
  /** Drawn beside the rows; its leaves must stand in the order of the rows. */
  readonly tree: Tree | null;
  /** What the number in a cell is called. */
  readonly measure: string;
  /** Named facts beside the number, e.g. its task. */
  readonly context: readonly (readonly [string, string])[];
  /** Small, for many side by side. */
  readonly compact: boolean;
  /** Most pixels the heatmap may be high. */
  readonly room: () => number;
  /** What part is on screen at first; all of it where not given. */
  readonly viewport?: Viewport | undefined;
  /** Called some time after the user has zoomed or panned. */
  readonly moved: (viewport: Viewport) => void;
  readonly tooltip: Tooltip;
  readonly announce: (text: string) => void;
  readonly open: (row: number, column: number) => void;
  readonly close: () => void;
  readonly drawn: (cells: number) => void;
}
