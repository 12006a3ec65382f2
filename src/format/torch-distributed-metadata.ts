import { PickledObject, type Pickled } from './pickle';

/** Part of a tensor: where its first element is in the whole, its shape, and where it lies. */
export interface Chunk {
  readonly from: readonly number[];
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor, and the parts that it was written in. */
export interface Distributed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly chunks: readonly Chunk[];
}

/** What an object was given to set itself up, by name. */
function fieldsOf(value: Pickled | undefined): ReadonlyMap<Pickled, Pickled> {
  return value instanceof PickledObject && value.state instanceof Map
    ? value.state
    : new Map<Pickled, Pickled>();
}

function countsOf(value: Pickled | undefined): readonly number[] | null {
  if (!Array.isArray(value)) return null;
  const counts = value.filter((each) => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0);
  return counts.length === value.length ? (counts as number[]) : null;
}

interface ListedTensors {
  readonly tensors: readonly Distributed[];
  /** Entries that are no tensors. */
  readonly others: number;
  /** What packed the parts: `stream.zstd/1`. */
  readonly packings: ReadonlySet<string>;
}

/**
 * The tensors that a `.metadata` lists (torch.distributed.checkpoint.metadata): `state_dict_metadata` has shapes and chunks
 * by name, `storage_data` the file, offset and length of each chunk by name and first element.
 */
export function tensorsOf(metadata: Pickled): ListedTensors | null {
  const fields = fieldsOf(metadata);
  const [state, storage] = [fields.get('state_dict_metadata'), fields.get('storage_data')];
  if (!(state instanceof Map) || !(storage instanceof Map)) return null;
  const places = new Map<string, ReadonlyMap<Pickled, Pickled>>();
  for (const [index, info] of storage) {
    const key = fieldsOf(index);
    places.set(placeKey(key.get('fqn') ?? null, countsOf(key.get('offset')) ?? []), fieldsOf(info));
  }
  const tensors: Distributed[] = [];
  const packings = new Set<string>();
  let others = 0;
  for (const [name, held] of state) {
    const described = fieldsOf(held);
    const shape = countsOf(described.get('size'));
    const listed = described.get('chunks');
    if (typeof name !== 'string' || shape === null || !Array.isArray(listed)) {
      others++;
      continue;
    }
    const chunks = listed.flatMap((chunk): Chunk[] => {
      const own = fieldsOf(chunk);
      const [from, size] = [countsOf(own.get('offsets')), countsOf(own.get('sizes'))];
      const place = from === null ? undefined : places.get(placeKey(name, from));
      const packed = place?.get('transform_descriptors');
      if (Array.isArray(packed)) for (const name of packed) if (typeof name === 'string') packings.add(name);
      const [file, offset, bytes] = ['relative_path', 'offset', 'length'].map((key) => place?.get(key));
      if (from === null || size === null || from.length !== shape.length || size.length !== shape.length)
        return [];
      if (typeof file !== 'string' || typeof offset !== 'number' || typeof bytes !== 'number') return [];
      return [{ from, shape: size, file, offset, bytes }];
    });
    tensors.push({ name, shape, chunks: chunks.length === listed.length ? chunks : [] });
  }
  return { tensors, others, packings };
}

function placeKey(name: Pickled, from: readonly number[]): string {
  return `${typeof name === 'string' ? name : ''} ${from.join()}`;
}
