import type { Problem } from '../../protocol/result';
import type { TensorSpan } from '../span';
import type { BlockName } from './blocks/registry';

/** Fills `target` with the bytes of a span from byte `offset` on; the reason where that is not possible. */
export type ReadSpanBytes = (span: TensorSpan, offset: number, target: Uint8Array) => Problem | null;

/** What every form of storage says of itself, for listings and messages. */
export interface StoredPlace {
  /** What stands for the element type in listings: `Q4_K`, `NF4`, `F32 (big endian)`. */
  readonly label: string;
  /** Where the first of its bytes lies in the file that the span names, and how many there are on disk. */
  readonly offset: number;
  readonly bytes: number;
}

/** Elements of `size` bytes whose bytes stand in reverse order (big endian). `source` is the same tensor as it lies. */
export interface SwappedStore extends StoredPlace {
  readonly kind: 'swapped';
  readonly size: number;
  readonly source: TensorSpan;
}

/** A view with strides, in elements of `size` bytes, into `source`; element (0, 0, …) is number `start` of it. */
export interface StridedStore extends StoredPlace {
  readonly kind: 'strided';
  readonly size: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
  readonly source: TensorSpan;
}

/** Rectangles that together are the tensor: element `from` of the tensor is element (0, 0, …) of the tile. */
export interface TiledStore extends StoredPlace {
  readonly kind: 'tiled';
  readonly size: number;
  readonly shape: readonly number[];
  /** A tile may reach beyond the tensor (chunks at its edge); what no tile covers is `fill` (one element), or zero. */
  readonly tiles: readonly {
    readonly from: readonly number[];
    readonly shape: readonly number[];
    readonly span: TensorSpan;
  }[];
  readonly fill?: Uint8Array;
}

/** Bytes packed by deflate (a zip entry: `raw`; a chunk of HDF5: `zlib`), `length` of them when unpacked. */
export interface InflatedStore extends StoredPlace {
  readonly kind: 'inflated';
  readonly form: 'raw' | 'zlib' | 'gzip';
  readonly length: number;
  /** CRC-32 of the unpacked bytes, where the container has one. */
  readonly crc?: number;
  readonly source: TensorSpan;
}

/** Elements in blocks with scales of their own (ggml's quantised types); they come out as F32. `source` is all blocks as bytes. */
export interface BlocksStore extends StoredPlace {
  readonly kind: 'blocks';
  readonly format: BlockName;
  /** Whether numbers wider than a byte have their bytes in reverse order. */
  readonly bigEndian: boolean;
  readonly source: TensorSpan;
}

/** Elements of `size` bytes, sorted by their bytes: all first ones, then all second ones (HDF5's shuffle filter). */
export interface ShuffledStore extends StoredPlace {
  readonly kind: 'shuffled';
  readonly size: number;
  readonly source: TensorSpan;
}

/** Codes that stand for (code − zero point) · scale, read as F32. */
export interface AffineStore extends StoredPlace {
  readonly kind: 'affine';
  /** I8, U8, I32 or another type of whole numbers; F32 where something was added to every element. */
  readonly source: TensorSpan;
  /** For all elements, or one for every index of an axis. */
  readonly scales: TensorSpan | number;
  readonly zeroPoints: TensorSpan | number;
  /** Elements that follow each other with the same index of that axis: the product of the lengths behind it. */
  readonly run: number;
}

/** Values at some places, zero elsewhere. `blocks` of `blockBytes` bytes; the places are those of `lengths`, in C order. */
export interface ScatteredStore extends StoredPlace {
  readonly kind: 'scattered';
  readonly blockBytes: number;
  readonly blocks: number;
  readonly lengths: readonly number[];
  /** Number of values (blocks) that are there. */
  readonly count: number;
  readonly values: TensorSpan;
  /** Indices of every axis one after the other; or of the other axis, with the first value of every row (or column). */
  readonly places:
    | { readonly kind: 'coordinates'; readonly indices: TensorSpan }
    | {
        readonly kind: 'compressed';
        readonly by: 'rows' | 'columns';
        readonly starts: TensorSpan;
        readonly indices: TensorSpan;
      };
}

/**
 * Whole numbers of `bits` bits in 32-bit words, `rows` × `columns` of them, packed along one axis; a byte each comes out.
 * `across`: values may begin in one word and end in the next (GPTQ); otherwise the last bits of a word stay unused.
 */
export interface BitPackedStore extends StoredPlace {
  readonly kind: 'bitPacked';
  readonly bits: number;
  readonly rows: number;
  readonly columns: number;
  readonly along: 'rows' | 'columns';
  readonly across: boolean;
  /** Position of the value among those of its word → place in the word, counted from the lowest bits; ascending where missing. */
  readonly places?: readonly number[];
  /** Added to every number, modulo 2^bits. */
  readonly plus: number;
  /** The words, in C order. */
  readonly source: TensorSpan;
}

/**
 * Matrices of numbers times scales, as float32: x = (code − zero − zeros) · scale · factor [· or ÷ overall] + shift. A
 * scale (zero, shift) is for a block of rows × columns; blocks begin anew with every matrix, and those at its end may be cut.
 */
export interface ScaledStore extends StoredPlace {
  readonly kind: 'scaled';
  readonly codes: TensorSpan;
  readonly rows: number;
  readonly columns: number;
  readonly block: readonly [rows: number, columns: number];
  readonly scales: TensorSpan;
  readonly zero: number;
  /** Of the same count as the scales. */
  readonly zeros: TensorSpan | null;
  /** Added last, of the same count as the scales; missing where nothing is. */
  readonly shifts?: TensorSpan;
  /** For every column the number of its group, where groups are not runs of columns; there are `groupCount` of them. */
  readonly groups: TensorSpan | null;
  readonly groupCount: number;
  readonly factor: number;
  readonly overall: { readonly span: TensorSpan; readonly divides: boolean } | null;
}

/** Codes of 4 bits (the high half of a byte first) or 8 into a table, times a scale a block, as float32. */
export interface CodebookStore extends StoredPlace {
  readonly kind: 'codebook';
  readonly bits: 4 | 8;
  readonly codes: TensorSpan;
  readonly table: TensorSpan | readonly number[];
  readonly scales: TensorSpan;
  readonly blockSize: number;
  /** Added to the product. */
  readonly shift: number;
}

/**
 * Rows of attention heads that stand in pairs, as llama.cpp's rotary embedding wants them: row t·n/2 + j of a head of
 * n = `headRows` rows is its row 2j + t of `source`. `rowBytes` counts in what comes out.
 */
export interface PairedStore extends StoredPlace {
  readonly kind: 'paired';
  readonly rowBytes: number;
  readonly headRows: number;
  readonly source: TensorSpan;
}

/** ln(−x) of every element, as float32. */
export interface LogarithmStore extends StoredPlace {
  readonly kind: 'logarithm';
  readonly source: TensorSpan;
}

/**
 * How the bytes of a tensor come out of what is on disk where they do not lie there as they are. Plain data, so that a
 * worker can have it. `offset` of a span with such a form counts in the bytes that come out.
 */
export type Stored =
  | SwappedStore
  | StridedStore
  | TiledStore
  | InflatedStore
  | BlocksStore
  | PairedStore
  | LogarithmStore
  | ShuffledStore
  | AffineStore
  | ScatteredStore
  | BitPackedStore
  | ScaledStore
  | CodebookStore;

/** One form of storage: reads bytes `offset … offset + target.length − 1` of what comes out. */
export type StoredForm<S extends Stored> = (
  stored: S,
  offset: number,
  target: Uint8Array,
  read: ReadSpanBytes,
) => Problem | null;
