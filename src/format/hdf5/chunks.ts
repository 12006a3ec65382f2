import { Hdf5Error, type Cursor } from './file';

/** One chunk of a dataset: where its first element is, and its bytes as they were filtered. */
export interface Hdf5Chunk {
  readonly from: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** Bit n is set where filter n was not applied. */
  readonly mask: number;
}

/** How chunks lie and what is known of them from the messages of their dataset. */
export interface ChunkShape {
  readonly shape: readonly number[];
  /** Lengths to which the dataset may grow; `Infinity` where that is without a limit. */
  readonly most: readonly number[];
  readonly chunk: readonly number[];
  /** Bytes of a chunk that no filter changed. */
  readonly bytes: number;
  readonly filtered: boolean;
}

/** No dataset of a checkpoint has more chunks than these. */
export const MOST_CHUNKS = 250_000;

/**
 * The first elements of all chunks in C order, with their numbers among the chunks that there are once the dataset has grown to its
 * limits. `held`: how many numbers the file has room for; throws where that is too few for the shape.
 */
export function chunkPlaces(
  { shape, most, chunk }: ChunkShape,
  at: number,
  held: number,
): readonly { readonly from: readonly number[]; readonly number: number }[] {
  const counts = shape.map((length, axis) => Math.ceil(length / (chunk[axis] ?? 1)));
  const room = most.map((length, axis) => Math.ceil(length / (chunk[axis] ?? 1)));
  if (counts.some((count, axis) => count > (room[axis] ?? 0)))
    throw new Hdf5Error('has a dataset larger than it may be', at);
  const total = counts.reduce((product, count) => product * count, 1);
  if (total > MOST_CHUNKS) throw new Hdf5Error('has a dataset of too many chunks', at);
  if (total > held) throw new Hdf5Error('has fewer chunks than its shape needs', at);
  let places: { from: number[]; number: number }[] = total > 0 ? [{ from: [], number: 0 }] : [];
  for (const [axis, count] of counts.entries()) {
    const [step, of] = [chunk[axis] ?? 1, room[axis] ?? 1];
    places = places.flatMap(({ from, number }) =>
      Array.from({ length: count }, (_, i) => ({ from: [...from, i * step], number: number * of + i })),
    );
  }
  return places;
}

/** An entry of an array of chunks: address, and where chunks are filtered their size and mask. `null`: never written. */
export function readChunkEntry(
  entry: Cursor,
  from: readonly number[],
  { filtered, bytes }: ChunkShape,
): Hdf5Chunk | null {
  const address = entry.addressField();
  if (!Number.isFinite(address)) return null;
  if (!filtered) return { from, address, bytes, mask: 0 };
  return { from, address, bytes: entry.unsigned(entry.left - 4), mask: entry.u32() };
}
