import * as zlib from 'node:zlib';
import { success, type Result } from '../protocol/result';
import { quoted, refuse } from './problems';
import type { OpenFile } from './read';
import type { ZipEntry } from './zip-directory';

/** Packed bytes that are enough for a few hundred unpacked ones, whatever they are. */
const FIRST_PACKED = 1024;
const CHUNK = 1024;

/**
 * The first `length` bytes of a stored or deflated entry, fewer where it has fewer; `null` where the packed bytes are damaged.
 * Reads no more of a packed entry than that takes, and unpacks at most what it claims. Fails as reading does.
 */
export async function readEntryStart(
  file: OpenFile,
  entry: ZipEntry,
  length: number,
): Promise<Result<Uint8Array | null>> {
  const { start, bytes, packedBytes, method } = entry;
  const wanted = Math.min(length, bytes);
  if (method === 0) return file.read(start, wanted);
  const whole = wanted === bytes;
  // Bytes that cannot be packed take a few more than they are.
  const enough = whole ? packedBytes : Math.min(packedBytes, Math.max(FIRST_PACKED, 2 * wanted));
  const packed = await file.read(start, enough);
  if (!packed.ok) return packed;
  return success(whole ? unpack(packed.value, bytes) : await unpackStart(packed.value, wanted));
}

/**
 * All bytes of a file in an archive, unpacked; for small ones, since all of it is held. Fails with `zip-packed` where it is
 * encrypted or packed by anything but deflate, with `zip-malformed` where it does not unpack to what the directory says.
 */
export async function readZipEntry(entry: ZipEntry, file: OpenFile): Promise<Result<Uint8Array>> {
  const { name, bytes, method, encrypted } = entry;
  if (encrypted || (method !== 0 && method !== 8)) {
    const message = `${file.path}: ${quoted(name)} is encrypted, or packed in a way that is not read.`;
    return refuse('zip-packed', file.path, message, name);
  }
  const read = await readEntryStart(file, entry, bytes);
  if (!read.ok) return read;
  if (read.value?.length === bytes) return success(read.value);
  const message = `${file.path}: ${quoted(name)} cannot be unpacked to the ${String(bytes)} bytes that it should have.`;
  return refuse('zip-malformed', file.path, message, name);
}

function unpack(packed: Uint8Array, bytes: number): Uint8Array | null {
  if (bytes === 0) return new Uint8Array(0);
  try {
    return zlib.inflateRawSync(packed, { maxOutputLength: bytes });
  } catch {
    return null;
  }
}

/** Stops once there is enough, so that what a hostile stream goes on to costs nothing. */
async function unpackStart(packed: Uint8Array, wanted: number): Promise<Uint8Array | null> {
  const stream = zlib.createInflateRaw({ chunkSize: CHUNK, finishFlush: zlib.constants.Z_SYNC_FLUSH });
  const start = new Uint8Array(wanted);
  let done = 0;
  try {
    stream.end(packed);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      const part = chunk.subarray(0, wanted - done);
      start.set(part, done);
      done += part.length;
      if (done === wanted) break;
    }
    return start.subarray(0, done);
  } catch {
    return null;
  } finally {
    stream.destroy();
  }
}
