import type { AxisRoom } from './viewport';

const COMFORTABLE = { width: 42, height: 28 };
const COMPACT = { width: 30, height: 22 };
/** Pixels a slanted column label needs beside the next one. */
export const SLANTED_SPACING = 16;
/** Pixels a row label needs. */
export const ROW_SPACING = 13;
const SLANT = Math.SQRT1_2;
/** Pixels beside the cells for a dendrogram. */
const TREE_WIDTH = 96;

/** Where things stand in a heatmap, in CSS pixels from its top left corner. */
export interface Layout {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly columns: AxisRoom;
  readonly rows: AxisRoom;
  readonly slanted: boolean;
  /** Widest row label and widest column label that are not cut. */
  readonly rowLabelRoom: number;
  readonly columnLabelRoom: number;
  readonly treeWidth: number;
}

export interface LayoutInput {
  /** Pixels there are. */
  readonly width: number;
  readonly height: number;
  readonly rowCount: number;
  readonly columnCount: number;
  /** Pixels of the longest label of each axis. */
  readonly rowLabel: number;
  readonly columnLabel: number;
  readonly titles: boolean;
  readonly compact: boolean;
  readonly tree: boolean;
}

/** Lays a heatmap out: labels get what they need up to a share of the room, cells what is left, up to a comfortable size. */
export function layOut(input: LayoutInput): Layout {
  const size = input.compact ? COMPACT : COMFORTABLE;
  const rowLabelRoom = Math.min(input.rowLabel, Math.max(40, input.width * (input.compact ? 0.3 : 0.36)));
  const left = Math.ceil(rowLabelRoom) + 14;
  const treeWidth = input.tree ? Math.min(TREE_WIDTH, input.width * 0.2) : 0;
  const flatRoom = input.width - left - treeWidth - 8;
  const flatCell = Math.min(size.width, flatRoom / Math.max(1, input.columnCount));
  const slanted = input.columnLabel > flatCell - 4;
  const columnLabelRoom = slanted ? Math.min(input.columnLabel, input.compact ? 96 : 168) : input.columnLabel;
  const titleRoom = input.titles ? 18 : 4;
  const top = Math.ceil(titleRoom + (slanted ? columnLabelRoom * SLANT + 12 : 20));
  const spill = slanted ? Math.min(columnLabelRoom * SLANT, input.width * 0.2) : 0;
  const columns: AxisRoom = {
    count: input.columnCount,
    room: Math.max(24, flatRoom - Math.max(0, spill - treeWidth)),
    comfortable: size.width,
  };
  const rows: AxisRoom = {
    count: input.rowCount,
    room: Math.max(48, input.height - top - 6),
    comfortable: size.height,
  };
  return {
    left,
    top,
    width: input.width,
    height: Math.ceil(top + Math.min(rows.room, rows.count * rows.comfortable) + 6),
    columns,
    rows,
    slanted,
    rowLabelRoom,
    columnLabelRoom,
    treeWidth,
  };
}
