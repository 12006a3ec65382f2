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

/**
 * How the bytes of a tensor come out of what is on disk where they do not lie there as they are. Plain data, so that a
 * worker can have it. `offset` of a span with such a form counts in the bytes that come out.
 */
export type Stored = SwappedStore | StridedStore | TiledStore | InflatedStore | BlocksStore | PairedStore;

/** One form of storage: reads bytes `offset … offset + target.length − 1` of what comes out. */
export type StoredForm<S extends Stored> = (
  stored: S,
  offset: number,
  target: Uint8Array,
  read: ReadSpanBytes,
) => Problem | null;
