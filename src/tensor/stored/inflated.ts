import { crc32, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Problem } from '../../protocol/result';
import type { InflatedStore, ReadSpanBytes, StoredForm } from './stored';
import { wholeSource } from './whole-sources';

const UNPACK = { raw: inflateRawSync, zlib: inflateSync, gzip: gunzipSync };

/**
 * Bytes packed by deflate. Never unpacks more than `length` bytes, whatever the stream says. Fails with `packed-malformed`
 * where the stream breaks off, is damaged, or has another length or
 * checksum.
 */
export const readInflated: StoredForm<InflatedStore> = (stored, offset, target, read) => {
  const whole = wholeSource(stored, read, (from) => unpack(stored, from));
  if (!(whole instanceof Uint8Array)) return whole;
  target.set(whole.subarray(offset, offset + target.length));
  return null;
};

function unpack(stored: InflatedStore, read: ReadSpanBytes): Uint8Array | Problem {
  const packed = new Uint8Array(stored.source.bytes);
  const problem = read(stored.source, 0, packed);
  if (problem !== null) return problem;
  if (stored.length === 0) return new Uint8Array(0);
  try {
    const unpacked = UNPACK[stored.form](packed, { maxOutputLength: stored.length });
    if (unpacked.length !== stored.length)
      return malformed(stored, `unpacks to ${String(unpacked.length)} bytes, not ${String(stored.length)}`);
    if (stored.crc === undefined || crc32(unpacked) === stored.crc) return unpacked;
    return malformed(stored, 'has another checksum than its container gives');
  } catch (error) {
    return malformed(
      stored,
      `cannot be unpacked (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

function malformed({ source }: InflatedStore, what: string): Problem {
  return {
    code: 'packed-malformed',
    message: `${source.path}: the packed data at byte ${String(source.offset)} ${what}.`,
    action: 'Download or copy the file again, and compare its size with the original.',
    path: source.path,
    at: `byte ${String(source.offset)}`,
  };
}
