import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { InflatedStore } from '../tensor/stored/stored';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { npyDataStart, readNpyHeader, type NpyHeader } from './npy-header';
import { arraySpan } from './numpy-array';
import { LARGEST_PICKLED, pickledArrayFindings } from './pickled-array';
import { countOf, formatFinding, quoted, type FormatCode } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { readWholeZip } from './whole-zip';
import type { ZipEntry } from './zip-directory';
import { readEntryStart } from './zip-entry';

/** Of a first entry, and of an archive without any. */
const ZIP_STARTS = ['PK\x03\x04', 'PK\x05\x06'];
const ARRAY = /\.npy$/;
/** A packed array is unpacked whole to be read. */
const MOST_UNPACKED = 2 ** 31;
/** Beyond this size, what is packed further than `MOST_RATIO` is no array of weights. Zeros alone may be. */
const LARGE = 2 ** 28;
const MOST_RATIO = 256;
/** Checksums are compared while opening for so many unpacked bytes of an archive; packed ones beyond when they are read. */
const MOST_CHECKED = 2 ** 24;
const MOST_NAMED = 6;
/** Arrays that are left out have a finding each up to so many, and one that counts the rest. */
const MOST_LEFT_NAMED = 100;

/** What opening an archive gathers, and what is left of its bounds. */
class Archive {
  readonly tensors: TensorEntry[] = [];
  readonly findings: Finding[] = [];
  private toCheck = MOST_CHECKED;
  private toScan = LARGEST_PICKLED;
  private left = 0;

  constructor(private readonly file: OpenFile) {}

  /** Adds an array, or a finding that says why it is left out. Fails as reading does. */
  async add(entry: ZipEntry): Promise<Result<null>> {
    const name = entry.name.replace(ARRAY, '');
    const closed = closedReason(entry);
    if (closed !== null) return this.leave(closed.code, name, closed.reason);
    const head = await readHead(this.file, entry);
    if (!head.ok) return head;
    if (typeof head.value === 'string') return this.leave('array-malformed', name, `it ${head.value}`);
    const header = head.value;
    const rest = entry.bytes - header.dataStart - header.dataBytes;
    if (rest < 0) return this.leave('array-malformed', name, `it is ${countOf(-rest, 'byte')} short`);
    if (header.pickled) return this.scan(entry, header, name);
    if (header.unreadable !== null) return this.leave('array-left-out', name, header.unreadable);
    if (rest > 0) {
      const message = `${this.file.path}: the array ${quoted(name)} has ${countOf(rest, 'byte')} after its values.`;
      this.findings.push(formatFinding('array-trailing-bytes', this.file.path, message, name));
    }
    const { path } = this.file;
    const packed = packedStore(path, entry, header);
    const place = packed === null ? { path, offset: entry.start } : { path, offset: 0, packed };
    const span = arraySpan(header, place);
    if (span !== null) this.tensors.push({ name, span });
    return this.check(entry, name);
  }

  private leave(code: FormatCode, name: string, reason: string): Result<null> {
    if (++this.left > MOST_LEFT_NAMED) return success(null);
    const message = `${this.file.path}: the array ${quoted(name)} is left out: ${reason}.`;
    this.findings.push(formatFinding(code, this.file.path, message, name));
    return success(null);
  }

  /** Says how many more arrays are left out than were named. */
  end(): void {
    const more = this.left - MOST_LEFT_NAMED;
    if (more <= 0) return;
    const message = `${this.file.path}: ${countOf(more, 'more array')} ${more === 1 ? 'is' : 'are'} left out.`;
    this.findings.push(formatFinding('array-left-out', this.file.path, message));
  }

  private async scan(entry: ZipEntry, { dataStart }: NpyHeader, name: string): Promise<Result<null>> {
    const scanned = entry.bytes <= this.toScan;
    if (scanned) this.toScan -= entry.bytes;
    const whole = await readEntryStart(this.file, entry, scanned ? entry.bytes : dataStart);
    if (!whole.ok) return whole;
    const bytes = whole.value ?? new Uint8Array(0);
    const start = entry.start + (entry.method === 0 ? dataStart : 0);
    const pickle = bytes.subarray(dataStart);
    this.findings.push(...pickledArrayFindings(this.file.path, name, pickle, start));
    return success(null);
  }

  private async check(entry: ZipEntry, name: string): Promise<Result<null>> {
    if (entry.bytes > this.toCheck) return success(null);
    this.toCheck -= entry.bytes;
    const whole = await readEntryStart(this.file, entry, entry.bytes);
    if (!whole.ok) return whole;
    const { path } = this.file;
    if (whole.value?.length !== entry.bytes) {
      const message = `${path}: the packed data of ${quoted(name)} is damaged.`;
      this.findings.push(formatFinding('array-malformed', path, message, name));
    } else if (zlib.crc32(whole.value) !== entry.crc) {
      const message = `${path}: the bytes of ${quoted(name)} do not have the checksum that the archive gives.`;
      this.findings.push(formatFinding('zip-crc', path, message, name));
    }
    return success(null);
  }
}

/** Why the bytes of an entry are not looked at; `null` where they are. */
function closedReason({
  method,
  encrypted,
  bytes,
  packedBytes,
}: ZipEntry): { readonly code: FormatCode; readonly reason: string } | null {
  if (encrypted) return { code: 'array-left-out', reason: 'it is encrypted' };
  if (method !== 0 && method !== 8) {
    return { code: 'array-left-out', reason: `it is packed by the method ${String(method)} of zip` };
  }
  const claim = `${countOf(packedBytes, 'byte')} claim to unpack to ${String(bytes)}`;
  const isBomb = bytes > LARGE && bytes > packedBytes * MOST_RATIO;
  return method === 8 && (bytes > MOST_UNPACKED || isBomb) ? { code: 'zip-bomb', reason: claim } : null;
}

/** A header, or what is wrong with it. */
async function readHead(file: OpenFile, entry: ZipEntry): Promise<Result<NpyHeader | string>> {
  let start = await readEntryStart(file, entry, 256);
  if (!start.ok) return start;
  if (start.value === null) return success('has packed data that is damaged');
  const length = npyDataStart(start.value);
  if (!length.ok) return success(length.fault.what);
  if (length.value > entry.bytes) return success('ends inside of its header');
  if (length.value > start.value.length) start = await readEntryStart(file, entry, length.value);
  if (!start.ok) return start;
  if (start.value === null || start.value.length < length.value)
    return success('has packed data that is damaged');
  const header = readNpyHeader(start.value.subarray(0, length.value));
  return success(header.ok ? header.value : header.fault.what);
}

function packedStore(path: string, entry: ZipEntry, { dtype }: NpyHeader): InflatedStore | null {
  if (entry.method === 0) return null;
  const { start, packedBytes, bytes, crc } = entry;
  return {
    kind: 'inflated',
    form: 'raw',
    label: `${dtype ?? ''} (deflated)`,
    offset: start,
    bytes: packedBytes,
    length: bytes,
    crc,
    source: {
      path,
      offset: start,
      bytes: packedBytes,
      dtype: 'U8',
      shape: [packedBytes],
      count: packedBytes,
    },
  };
}

/** Reads the directory and the headers of all arrays. Fails with `zip-malformed`, `zip-too-large`, or as reading does. */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const listed = await readWholeZip(file);
    if (!listed.ok) return listed;
    const archive = new Archive(file);
    for (const entry of listed.value) {
      if (!ARRAY.test(entry.name)) continue;
      const added = await archive.add(entry);
      if (!added.ok) return added;
    }
    archive.end();
    const { bytes, modifiedMs } = file;
    return success({
      path,
      container: 'NumPy (npz)',
      files: [{ path, bytes, modifiedMs }],
      tensors: archive.tensors,
      metadata: {},
      fingerprint: fingerprintOf(file, listed.value),
      findings: [
        ...archive.findings,
        ...otherFiles(path, listed.value),
        ...(archive.tensors.length > 0
          ? []
          : [formatFinding('no-tensors', path, `${path} holds no array that can be read.`)]),
      ],
    });
  });
}

function otherFiles(path: string, entries: readonly ZipEntry[]): readonly Finding[] {
  const others = entries.filter(({ name }) => !ARRAY.test(name) && !name.endsWith('/'));
  const [first] = others;
  if (first === undefined) return [];
  const names = others.slice(0, MOST_NAMED).map(({ name }) => quoted(name));
  const more = others.length > MOST_NAMED ? ` and ${String(others.length - MOST_NAMED)} more` : '';
  const message = `${path} holds files that are no arrays: ${names.join(', ')}${more}.`;
  return [formatFinding('zip-other-files', path, message, first.name)];
}

function fingerprintOf({ bytes, modifiedMs }: OpenFile, entries: readonly ZipEntry[]): string {
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const { name, start, crc } of entries) hash.update(`${name} ${String(start)} ${String(crc)}\n`);
  return hash.digest('hex').slice(0, 32);
}

/** An archive with an array in it; a torn or empty one by its name. */
async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 4);
  if (!start.ok || !ZIP_STARTS.includes(Buffer.from(start.value).toString('latin1'))) return false;
  const listed = await withFile(path, readWholeZip);
  const named = path.toLowerCase().endsWith('.npz');
  return listed.ok ? named || listed.value.some(({ name }) => ARRAY.test(name)) : named;
}

/** What `np.savez`, `np.savez_compressed` and `mlx.core.savez` write. */
export const npz: Format = {
  description: {
    id: 'npz',
    title: 'NumPy archive',
    endings: ['.npz'],
    supports: [
      'stored and deflated arrays, those of MLX, too',
      'both byte orders, C and Fortran order, bfloat16 of ml_dtypes',
      'pickled objects are named, never loaded',
    ],
  },
  recognises,
  open,
};
