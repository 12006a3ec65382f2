/** How the codes of a quantised tensor become values: one pair for all, or a pair for every index of an axis. */
export type Quantizer =
  | { readonly kind: 'tensor'; readonly scale: number; readonly zeroPoint: number }
  | {
      readonly kind: 'channel';
      readonly scales: PickledTensor;
      readonly zeroPoints: PickledTensor;
      readonly axis: number;
    };

/** A tensor as torch pickles it: which storage holds its elements, and where. */
export class PickledTensor {
  constructor(
    readonly storage: string,
    /** Class of the storage, or the element type where torch names that: `FloatStorage`, `float8_e4m3fn`. */
    readonly type: string,
    /** In elements. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** In elements. */
    readonly stride: readonly number[],
    readonly quantizer: Quantizer | null = null,
    /** Its values are the conjugates or the negatives of those that are stored. */
    readonly lazy: 'conj' | 'neg' | null = null,
  ) {}
}

/** A sparse tensor: `coo` has indices and values, `csr` and `csc` starts of rows (columns), indices and values. */
export class PickledSparse {
  constructor(
    readonly layout: string,
    readonly parts: readonly PickledTensor[],
    readonly shape: readonly number[],
  ) {}
}

/** Something that only Python could make: its name, and nothing of it is run. */
export class PickledObject {
  /** What the object would be given to set itself up. */
  state: Pickled | undefined = undefined;
  /** What a class derived from a dictionary holds: `AttributeDict` of Lightning. */
  items: Map<Pickled, Pickled> | undefined = undefined;

  constructor(
    readonly name: string,
    /** What it would be made of. */
    readonly given: readonly Pickled[] = [],
  ) {}
}

/** What a pickle holds. Lists, tuples and sets are arrays, dictionaries maps. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | PickledTensor
  | PickledSparse
  | PickledObject;

/**
 * The tensor that `torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, …)` makes, the storage being
 * `('storage', class, key, device, count)`; `dtype` is what `_rebuild_tensor_v3` has behind them, `marks` what both have last: which
 * operations are still to be done. `null` for anything else.
 */
export function tensorOf(
  [storage, offset, shape, stride]: readonly Pickled[],
  dtype?: Pickled,
  quantizer: Quantizer | null = null,
  marks?: Pickled,
): PickledTensor | null {
  if (!Array.isArray(storage)) return null;
  const [kind, type, key, , , view] = storage;
  // Files of the first versions of torch may have storages that are parts of others: (key, offset, count).
  const start = Array.isArray(view) ? view[1] : 0;
  if (!isCount(start) || !isCount(offset)) return null;
  if (kind !== 'storage' || !(type instanceof PickledObject) || typeof key !== 'string') return null;
  if (!isCounts(shape) || !isCounts(stride) || shape.length !== stride.length) return null;
  const named = dtype instanceof PickledObject ? dtype : type;
  const name = named.name.replace(/^.*\./, '');
  return new PickledTensor(key, name, start + offset, shape, stride, quantizer, lazyOf(marks));
}

function lazyOf(marks: Pickled | undefined): 'conj' | 'neg' | null {
  if (!(marks instanceof Map)) return null;
  return marks.get('conj') === true ? 'conj' : marks.get('neg') === true ? 'neg' : null;
}

/** `_rebuild_qtensor(storage, offset, shape, stride, (scheme, scale, zero point) or (scheme, scales, zero points, axis), …)`. */
export function quantisedTensorOf(values: readonly Pickled[]): PickledTensor | null {
  const quantizer = Array.isArray(values[4]) ? quantizerOf(values[4]) : null;
  return quantizer === null ? null : tensorOf(values, undefined, quantizer);
}

function quantizerOf([scheme, scale, zeroPoint, axis]: readonly Pickled[]): Quantizer | null {
  if (!(scheme instanceof PickledObject)) return null;
  if (scheme.name === 'torch.per_tensor_affine')
    return typeof scale === 'number' && typeof zeroPoint === 'number'
      ? { kind: 'tensor', scale, zeroPoint }
      : null;
  // With zero points that are no whole numbers the formula is another one.
  if (scheme.name !== 'torch.per_channel_affine' || !isCount(axis)) return null;
  if (!(scale instanceof PickledTensor) || !(zeroPoint instanceof PickledTensor)) return null;
  return { kind: 'channel', scales: scale, zeroPoints: zeroPoint, axis };
}

/** `_rebuild_sparse_tensor(layout, (indices, values, shape, …))`, or for compressed layouts `(starts, indices, values, shape)`. */
export function sparseTensorOf([layout, data]: readonly Pickled[]): PickledSparse | null {
  const name = typeof layout === 'string' ? layout : layout instanceof PickledObject ? layout.name : '';
  if (!Array.isArray(data)) return null;
  const parts = data.filter((part) => part instanceof PickledTensor);
  const shape = data[parts.length] ?? null;
  const kind = name.replace(/^.*sparse_/, '');
  return isCounts(shape) ? new PickledSparse(kind, parts, shape) : null;
}

function isCounts(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
