import { partOf, turned, type Block, type DenseKernels } from '../wasm/dense-kernels';
import { putSingles, rowsOfSingles, takeSingles, turnedSingles, type Singles } from '../wasm/singles';
import type { Entries } from './entries';
import type { Stop } from './stop';

/** Entries read, and entries of what is held multiplied, at a time: the more, the less often threads wait for each other. */
const PIECE = 2 ** 20;
const HELD_PIECE = 2 ** 22;
/** Entries up to which a matrix is held in memory (80 MiB of float32, 160 of doubles); a larger one is read for every product. */
const MOST_HELD = 20 * 2 ** 20;

/**
 * Products of a matrix with blocks of a few columns. Rough ones are summed in float32: good enough to find directions, and
 * for values that have not come closer than that.
 */
export interface Products {
  /** left ← A·right */
  timesRight(right: Block, left: Block, rough: boolean): void;
  /** right ← Aᵀ·left */
  timesLeft(left: Block, right: Block, rough: boolean): void;
}

/** The products of a matrix that is read when they are first asked for. Calls `stop` between runs of rows. */
export function productsWith(kernels: DenseKernels, entries: Entries, stop: Stop): Products {
  const inSingles = singlesParts(kernels, entries, stop);
  const inDoubles = doublesParts(kernels, entries, stop);
  let tame = true;
  const timesRight = (right: Block, left: Block, rough: boolean): void => {
    kernels.clear(left);
    const own = (first: number, rows: number) => partOf(left, first, 0, rows, left.columns);
    if (!rough || !tame) {
      inDoubles((first, part) => kernels.addProduct(1, part, right, own(first, part.rows)));
      return;
    }
    inSingles((first, part) => kernels.addRoughProduct(part, right, own(first, part.rows)));
    tame = isTame(kernels.view(left.place, left.rows * left.row));
    if (!tame) timesRight(right, left, false);
  };
  return {
    timesRight,
    timesLeft(left, right, rough) {
      kernels.clear(right);
      const own = (first: number, rows: number) => partOf(left, first, 0, rows, left.columns);
      if (rough && tame) {
        inSingles((first, part) =>
          kernels.addRoughProduct(turnedSingles(part), own(first, part.rows), right),
        );
      } else {
        inDoubles((first, part) => kernels.addProduct(1, turned(part), own(first, part.rows), right));
      }
    },
  };
}

/** Goes through a matrix by runs of rows: held where it fits, else read again every time. */
type Parts<P> = (take: (first: number, part: P) => void) => void;

function singlesParts(kernels: DenseKernels, entries: Entries, stop: Stop): Parts<Singles> {
  let singles: Float32Array | null = null;
  let doubles: Float64Array | null = null;
  return partsOf(entries, stop, {
    take: (rows) => takeSingles(kernels, rows, entries.columns),
    rowsOf: rowsOfSingles,
    fill: (first, part) => {
      const count = part.rows * entries.columns;
      singles ??= new Float32Array(count);
      if (entries.readSingles?.(first, first + part.rows, singles) === true) {
        putSingles(kernels, singles, part);
        return;
      }
      doubles ??= new Float64Array(count);
      entries.read(first, first + part.rows, 0, entries.columns, doubles);
      putSingles(kernels, doubles, part);
    },
  });
}

function doublesParts(kernels: DenseKernels, entries: Entries, stop: Stop): Parts<Block> {
  const { columns, hasColumns } = entries;
  let piece: Float64Array | null = null;
  return partsOf(entries, stop, {
    take: (rows) => kernels.block(rows, columns),
    rowsOf: (block, first, rows) => partOf(block, first, 0, rows, columns),
    fill: (first, part) => {
      if (hasColumns) {
        // Rows whose bytes can be told apart are decoded right where they belong.
        for (let i = 0; i < part.rows; i++) {
          const row = kernels.view(part.place + 8 * i * part.row, columns);
          entries.read(first + i, first + i + 1, 0, columns, row);
        }
        return;
      }
      piece ??= new Float64Array(part.rows * columns);
      entries.read(first, first + part.rows, 0, columns, piece);
      kernels.putRows(piece, part);
    },
  });
}

interface Storage<P> {
  readonly take: (rows: number) => P;
  readonly rowsOf: (whole: P, first: number, rows: number) => P;
  readonly fill: (first: number, part: P) => void;
}

/** The room is taken, and what is held is read, when the parts are first gone through: not within {@link DenseKernels.scratch}. */
function partsOf<P>({ rows, columns }: Entries, stop: Stop, { take, rowsOf, fill }: Storage<P>): Parts<P> {
  const isHeld = rows * columns <= MOST_HELD;
  let storage: P | null = null;
  return (use) => {
    const isRead = isHeld && storage !== null;
    const length = Math.max(1, Math.min(rows, Math.floor((isRead ? HELD_PIECE : PIECE) / columns)));
    storage ??= take(isHeld ? rows : length);
    for (let first = 0; first < rows; first += length) {
      const own = Math.min(rows - first, length);
      const part = rowsOf(storage, isHeld ? first : 0, own);
      if (!isRead) fill(first, part);
      use(first, part);
      stop();
    }
  };
}

/** Whether what came of a rough product shows that the entries which matter are well within float32. */
function isTame(values: Float64Array): boolean {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest > 1e-25 && largest < 1e25;
}
