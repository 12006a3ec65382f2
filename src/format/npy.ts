import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { NPY_MAGIC, NPY_PREFIX, npyDataStart, readNpyHeader, type NpyHeader } from './npy-header';
import { arraySpan } from './numpy-array';
import { pickledArrayFindings, LARGEST_PICKLED } from './pickled-array';
import { countOf, formatFinding, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';

const ENDING = /\.npy$/i;

/**
 * One array as a checkpoint of one tensor, which has the name of the file. Fails with `file-truncated`, `array-malformed`, or as
 * reading does.
 */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const head = await readHead(file);
    if (!head.ok) return head;
    const { header, bytes } = head.value;
    const name = basename(path).replace(ENDING, '');
    const span = arraySpan(header, { path, offset: 0 });
    const tensors: readonly TensorEntry[] = span === null ? [] : [{ name, span }];
    const findings = await findingsOf(file, header, name);
    if (!findings.ok) return findings;
    const fingerprint = createHash('sha256').update(bytes);
    return success({
      path,
      container: 'NumPy',
      files: [{ path, bytes: file.bytes, modifiedMs: file.modifiedMs }],
      tensors,
      metadata: {},
      fingerprint: fingerprint
        .update(`${String(file.bytes)} ${String(file.modifiedMs)}`)
        .digest('hex')
        .slice(0, 32),
      findings: [
        ...findings.value,
        ...(span === null
          ? [formatFinding('no-tensors', path, `${path} holds no array that can be read.`)]
          : []),
      ],
    });
  });
}

async function readHead(file: OpenFile): Promise<Result<{ header: NpyHeader; bytes: Uint8Array }>> {
  const { path } = file;
  const prefix = await file.read(0, Math.min(NPY_PREFIX, file.bytes));
  if (!prefix.ok) return prefix;
  const start = npyDataStart(prefix.value);
  if (!start.ok)
    return refuse(
      'array-malformed',
      path,
      `${path} ${start.fault.what} (${start.fault.at}).`,
      start.fault.at,
    );
  if (start.value > file.bytes) return short(file, start.value, 'the header');
  const bytes = await file.read(0, start.value);
  if (!bytes.ok) return bytes;
  const header = readNpyHeader(bytes.value);
  if (!header.ok) return refuse('array-malformed', path, `${path} ${header.fault.what}.`, header.fault.at);
  const end = header.value.dataStart + header.value.dataBytes;
  if (end > file.bytes) return short(file, end, 'the array');
  return success({ header: header.value, bytes: bytes.value });
}

function short({ path, bytes }: OpenFile, needed: number, what: string): Result<never> {
  const message = `${path} is ${countOf(needed - bytes, 'byte')} short: ${what} ends at byte ${String(needed)}, the file has ${String(bytes)}.`;
  return refuse('file-truncated', path, message, `byte ${String(bytes)}`);
}

async function findingsOf(file: OpenFile, header: NpyHeader, name: string): Promise<Result<Finding[]>> {
  const { path } = file;
  if (header.pickled) {
    const length = Math.min(file.bytes - header.dataStart, LARGEST_PICKLED);
    const bytes = await file.read(header.dataStart, length);
    return bytes.ok ? success(pickledArrayFindings(path, name, bytes.value, header.dataStart)) : bytes;
  }
  if (header.unreadable !== null) {
    const message = `${path} is left out: ${header.unreadable}.`;
    return success([formatFinding('array-left-out', path, message, name)]);
  }
  const rest = file.bytes - header.dataStart - header.dataBytes;
  if (rest === 0) return success([]);
  const message = `${path} has ${countOf(rest, 'byte')} after the array.`;
  const at = `byte ${String(file.bytes - rest)}`;
  return success([formatFinding('array-trailing-bytes', path, message, at)]);
}

/** A file that begins as NumPy's arrays do. */
export const npy: Format = {
  description: {
    id: 'npy',
    title: 'NumPy array',
    endings: ['.npy'],
    supports: [
      'one array, named like the file',
      'both byte orders, C and Fortran order, bfloat16 of ml_dtypes',
      'pickled objects are named, never loaded',
    ],
  },
  async recognises(path) {
    const start = await readStart(path, NPY_MAGIC.length);
    return start.ok && Buffer.from(start.value).toString('latin1') === NPY_MAGIC;
  },
  open,
};
