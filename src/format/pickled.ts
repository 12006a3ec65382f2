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
  ) {}
}

/** Something that only Python could make: its name, and nothing of it is run. */
export class PickledObject {
  /** What the object would be given to set itself up. */
  state: Pickled | undefined = undefined;

  constructor(readonly name: string) {}
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
  | PickledObject;

/**
 * The tensor that `torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, …)` makes, the storage being
 * `('storage', class, key, device, count)`; `dtype` is what `_rebuild_tensor_v3` has behind them. `null` for anything else.
 */
export function tensorOf(
  [storage, offset, shape, stride]: readonly Pickled[],
  dtype?: Pickled,
): PickledTensor | null {
  if (!Array.isArray(storage)) return null;
  const [kind, type, key, , , view] = storage;
  // Files of the first versions of torch may have storages that are parts of others: (key, offset, count).
  const start = Array.isArray(view) ? view[1] : 0;
  if (!isCount(start) || !isCount(offset)) return null;
  if (kind !== 'storage' || !(type instanceof PickledObject) || typeof key !== 'string') return null;
  if (!isCounts(shape) || !isCounts(stride) || shape.length !== stride.length) return null;
  const named = dtype instanceof PickledObject ? dtype : type;
  return new PickledTensor(key, named.name.replace(/^.*\./, ''), start + offset, shape, stride);
}

function isCounts(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
