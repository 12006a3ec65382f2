import type { Problem } from '../../protocol/result';
import type { ReadSpanBytes, StoredForm, TiledStore } from './stored';

type Tile = TiledStore['tiles'][number];

/** Rectangles that together are the tensor: shards of a distributed checkpoint, chunks of HDF5. */
export const readTiled: StoredForm<TiledStore> = (stored, offset, target, read) => {
  const { size } = stored;
  const first = Math.floor(offset / size);
  const end = Math.ceil((offset + target.length) / size);
  const bytes =
    first * size === offset && (end - first) * size === target.length
      ? target
      : new Uint8Array((end - first) * size);
  fillWith(bytes, stored.fill);
  for (const tile of stored.tiles) {
    const problem = copyTile(stored, tile, first, end, bytes, read);
    if (problem !== null) return problem;
  }
  if (bytes !== target)
    target.set(bytes.subarray(offset - first * size, offset - first * size + target.length));
  return null;
};

function fillWith(bytes: Uint8Array, fill: Uint8Array | undefined): void {
  bytes.fill(0);
  if (fill === undefined || fill.every((byte) => byte === 0)) return;
  for (let at = 0; at < bytes.length; at += fill.length) bytes.set(fill.subarray(0, bytes.length - at), at);
}

/** Copies the rows (along the last axis) of a tile that lie in elements `first … end − 1` of the tensor. */
function copyTile(
  { shape, size }: TiledStore,
  tile: Tile,
  first: number,
  end: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const axes = shape.length;
  const last = axes - 1;
  const inside = shape.map((length, axis) =>
    Math.max(0, Math.min(tile.shape[axis] as number, length - (tile.from[axis] as number))),
  );
  const rowLength = axes === 0 ? 1 : (inside[last] as number);
  const rows = inside.slice(0, -1).reduce((product, length) => product * length, 1);
  if (rows * rowLength === 0) return null;
  const corner = tile.from.reduce((sum, from, axis) => sum * (shape[axis] as number) + from, 0);
  const opposite = tile.from.reduce(
    (sum, from, axis) => sum * (shape[axis] as number) + from + (inside[axis] as number) - 1,
    0,
  );
  if (corner >= end || opposite < first) return null;
  const at = inside.slice(0, -1).map(() => 0);
  for (let row = 0; row < rows; row++) {
    let [to, from] = [0, 0];
    for (let axis = 0; axis < axes; axis++) {
      const index = axis === last ? 0 : (at[axis] as number);
      to = to * (shape[axis] as number) + (tile.from[axis] as number) + index;
      from = from * (tile.shape[axis] as number) + index;
    }
    const skip = Math.max(0, first - to);
    const length = Math.min(rowLength, end - to) - skip;
    if (length > 0) {
      const place = (to + skip - first) * size;
      const problem = read(tile.span, (from + skip) * size, target.subarray(place, place + length * size));
      if (problem !== null) return problem;
    }
    for (let axis = last - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] as number) + 1;
      if ((at[axis] as number) < (inside[axis] as number)) break;
      at[axis] = 0;
    }
  }
  return null;
}
