import { success, type Result } from '../protocol/result';
import { quoted, refuse } from './problems';
import type { FileState, ReadBytes } from './read';

const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
/** Headers at most so far apart are read together, in reads of at most so many bytes. */
const GAP = 4096;
const WINDOW = 2 ** 18;

/** An entry of a directory, and where that says its local header is. */
export interface LocalPlace {
  readonly name: string;
  readonly local: number;
}

/**
 * Where the bytes of each entry begin: behind its local header (PKWARE's APPNOTE 6.3, 4.3.7), whose fields differ in length from
 * those of the directory. In the order given. An archive of many small files takes few reads, one of a few large ones a
 * read each. Fails with `zip-malformed` where a header is not there, or as reading does.
 */
export async function localStarts(
  places: readonly LocalPlace[],
  file: FileState,
  read: ReadBytes,
): Promise<Result<Float64Array>> {
  const starts = new Float64Array(places.length);
  const ordered = places.map((place, index) => ({ ...place, index })).sort((a, b) => a.local - b.local);
  for (const window of windowsOf(ordered)) {
    const start = window[0]?.local ?? 0;
    const end = (window.at(-1)?.local ?? 0) + LOCAL_BYTES;
    const inside = window.filter(({ local }) => local + LOCAL_BYTES <= file.bytes);
    const outside = window[inside.length];
    if (outside !== undefined) return notThere(outside, file);
    const header = await read(start, end - start);
    if (!header.ok) return header;
    const bytes = new DataView(header.value.buffer, header.value.byteOffset, header.value.length);
    for (const place of inside) {
      const at = place.local - start;
      if (bytes.getUint32(at, true) !== LOCAL) return notThere(place, file);
      const rest = bytes.getUint16(at + 26, true) + bytes.getUint16(at + 28, true);
      starts[place.index] = place.local + LOCAL_BYTES + rest;
    }
  }
  return success(starts);
}

/** Runs of places that are read together. */
function windowsOf<T extends LocalPlace>(ordered: readonly T[]): readonly (readonly T[])[] {
  const windows: T[][] = [];
  let [start, last] = [0, -Infinity];
  for (const place of ordered) {
    const near = place.local <= last + GAP && place.local + LOCAL_BYTES <= start + WINDOW;
    if (near) windows.at(-1)?.push(place);
    else {
      windows.push([place]);
      start = place.local;
    }
    last = place.local;
  }
  return windows;
}

function notThere({ name }: LocalPlace, { path }: FileState): Result<never> {
  const message = `${path}: the header of ${quoted(name)} is not where its directory says.`;
  return refuse('zip-malformed', path, message);
}
